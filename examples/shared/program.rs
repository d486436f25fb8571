//! How an example begins and ends.

use std::process::ExitCode;

/// Does what the command line says. Ends with 2 where that says nothing of
/// sense, and with 1 for what went wrong later.
pub fn run<C>(
    name: &str,
    command: Result<C, String>,
    act: impl FnOnce(C) -> Result<(), String>,
) -> ExitCode {
    let command = match command {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{name}: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    match act(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
