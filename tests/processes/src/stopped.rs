//! Processes that are held, not ended.

use std::fs;

use crate::process::{PATIENCE, within};

/// Waits until each thread of a process has taken SIGSTOP: `kill` does not.
///
/// # Panics
/// It does not stop, or is not there.
pub fn until_stopped(process: u32) {
    assert!(within(PATIENCE, || is_stopped(process)), "it runs on");
}

fn is_stopped(process: u32) -> bool {
    let mut tasks = fs::read_dir(format!("/proc/{process}/task")).expect("a process");
    tasks.all(|task| {
        let stat = fs::read_to_string(task.expect("a thread").path().join("stat"));
        // The state comes behind the name, which is in brackets. A thread that
        // has just ended has none.
        stat.is_ok_and(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    })
}
