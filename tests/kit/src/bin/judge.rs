//! One GSS-API library, asked over stdin, answering on stdout. Started by `kit::judge`.

fn main() -> std::io::Result<()> {
    let soname = std::env::args().nth(1).expect("usage: judge SONAME");
    kit::judge::serve::run(&soname)
}
