//! Writes the seeds under `fuzz/corpus-seed` that the crate's own encoders
//! make:
//!
//!     RUSTFLAGS="--cfg fuzzing" cargo run --manifest-path fuzz/Cargo.toml --example seeds

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus-seed");
    for (target, name, bytes) in gss_acceptor::backends::fuzzing::seeds() {
        let directory = root.join(target);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
