//! One process of `ntlm_auth`.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

/// A line of an answer: one of them holds a key.
pub(super) type Line = Zeroizing<String>;

/// The most lines of an answer, and the longest line in bytes.
const MAX_LINES: usize = 64;
const MAX_LINE: u64 = 4096;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// It has died, or says what it should not. Another one may answer.
    Died,
    /// It takes too long.
    Late,
}

/// A running process; dropping it ends it.
pub(super) struct Helper {
    child: Child,
    input: SyncSender<String>,
    output: Receiver<Vec<Line>>,
    /// What came with the last line that was looked at, and is behind it.
    rest: VecDeque<Line>,
}

impl Helper {
    pub(super) fn start(program: &OsString, arguments: &[OsString]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(arguments)
            .arg("--helper-protocol=ntlm-server-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let pipes = pipes.ok_or_else(|| "it has no pipes".to_owned());
        let lines = pipes.and_then(|(input, output)| {
            let output = lines(output).map_err(|error| error.to_string())?;
            let input = writer(input).map_err(|error| error.to_string())?;
            Ok((input, output))
        });
        match lines {
            Ok((input, output)) => Ok(Self {
                child,
                input,
                output,
                rest: VecDeque::new(),
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Asks, and awaits the whole answer.
    pub(super) fn ask(&mut self, request: &str, wait: Duration) -> Result<Vec<Line>, NoAnswer> {
        // What it has said unasked belongs to nobody's logon.
        let mut unasked = self.rest.drain(..).chain(self.output.try_iter().flatten());
        if unasked.any(|line| line.as_str() != ".") {
            return Err(NoAnswer::Died);
        }
        drop(unasked);
        // A helper that reads nothing keeps the thread behind this from
        // writing, and not the logon from ending.
        let written = self.input.try_send(request.to_owned());
        written.map_err(|_| NoAnswer::Died)?;
        let mut answer: Vec<Line> = Vec::new();
        for _ in 0..MAX_LINES {
            let line = self.line(wait)?;
            match (line.as_str(), answer.is_empty()) {
                // Samba ends a refusal twice; the second end comes here.
                (".", true) => {}
                (".", false) => return Ok(answer),
                _ => answer.push(line),
            }
        }
        Err(NoAnswer::Died)
    }

    fn line(&mut self, wait: Duration) -> Result<Line, NoAnswer> {
        loop {
            if let Some(line) = self.rest.pop_front() {
                return Ok(line);
            }
            let piece = self.output.recv_timeout(wait);
            self.rest = VecDeque::from(piece.map_err(|error| match error {
                RecvTimeoutError::Timeout => NoAnswer::Late,
                RecvTimeoutError::Disconnected => NoAnswer::Died,
            })?);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Its pipes are closed by then, or it is killed: nothing of it stays.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// What it is asked, written by a thread: a request may be longer than a pipe
/// holds, and nothing else would end the wait for a helper that does not read.
/// The thread ends with the helper, whose end breaks the pipe.
fn writer(mut input: ChildStdin) -> std::io::Result<SyncSender<String>> {
    let (sender, receiver) = mpsc::sync_channel::<String>(1);
    thread::Builder::new()
        .name("ntlm_auth-writer".into())
        .spawn(move || {
            for request in receiver {
                let written = input.write_all(request.as_bytes());
                if written.and_then(|()| input.flush()).is_err() {
                    return;
                }
            }
        })?;
    Ok(sender)
}

/// The lines that it says, read by a thread, so that waiting for one can end.
/// Those that come together are handed on together: what is behind an answer's
/// end must not be seen only after the next question, which it does not answer.
fn lines(output: ChildStdout) -> std::io::Result<Receiver<Vec<Line>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("ntlm_auth-reader".into())
        .spawn(move || {
            let mut output = BufReader::new(output);
            let mut piece = Vec::new();
            loop {
                let mut line = Zeroizing::new(String::with_capacity(256));
                let read = output.by_ref().take(MAX_LINE).read_line(&mut line);
                if !read.is_ok_and(|length| length > 0) || !line.ends_with('\n') {
                    return;
                }
                piece.push(Zeroizing::new(line.trim_end().to_owned()));
                // Longer than any answer, so that what is behind one is with it.
                if piece.len() < 2 * MAX_LINES && output.buffer().contains(&b'\n') {
                    continue;
                }
                if sender.send(std::mem::take(&mut piece)).is_err() {
                    return;
                }
            }
        })?;
    Ok(receiver)
}
