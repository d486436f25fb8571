//! A few helpers, and the logons that wait for one.

use std::ffi::OsString;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::WinbindOptions;
use super::groups::Wbinfo;
use super::helper::{Helper, Line, NoAnswer};
use crate::accounts::AccountName;
use crate::authorization::Authorization;
use crate::error::{Error, Unavailability};
use crate::reply::{Promise, Reply, promise};

/// How many helpers a logon is tried on when they die under it.
const TRIES: usize = 4;

/// The answer's lines, or why there are none.
pub(super) type Answer = Result<Vec<Line>, String>;

/// The queue; the threads behind it end when it is dropped.
pub(super) struct Pool {
    queue: SyncSender<Job>,
}

/// A question, and where its answer goes.
enum Job {
    Logon(String, Promise<Answer>),
    Groups(AccountName, Promise<Known>),
}

/// SID and groups of an account, or why there are none.
pub(super) type Known = Result<Authorization, String>;

impl Pool {
    pub(super) fn start(options: &WinbindOptions) -> Result<Self, Error> {
        let unavailable = |text| Unavailability::Platform {
            what: "winbind's ntlm_auth",
            text,
        };
        let (queue, jobs) = mpsc::sync_channel(options.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..options.helpers {
            // Started here, so that a program that is not there is noticed.
            let first = Helper::start(&options.program, &options.arguments);
            let worker = Worker {
                program: options.program.clone(),
                arguments: options.arguments.clone(),
                timeout: options.timeout,
                wbinfo: options.groups.clone(),
                helper: Some(first.map_err(unavailable)?),
            };
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name("ntlm_auth".into())
                .spawn(move || worker.run(&jobs))
                .map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(Self { queue })
    }

    pub(super) fn ask(&self, request: String) -> Reply<Answer> {
        self.send(|answer| Job::Logon(request, answer))
    }

    /// Who the account is, and which groups it is in.
    pub(super) fn groups(&self, account: AccountName) -> Reply<Known> {
        self.send(|answer| Job::Groups(account, answer))
    }

    fn send<T: Send + 'static>(
        &self,
        job: impl FnOnce(Promise<Result<T, String>>) -> Job,
    ) -> Reply<Result<T, String>> {
        let (promise, answer) = promise(|| Err("the helper that was asked has ended".into()));
        match self.queue.try_send(job(promise)) {
            Ok(()) => answer,
            Err(TrySendError::Full(_)) => {
                Reply::Now(Err("too many logons are waiting for winbind".into()))
            }
            Err(TrySendError::Disconnected(_)) => Reply::Now(Err("the helpers have ended".into())),
        }
    }
}

struct Worker {
    program: OsString,
    arguments: Vec<OsString>,
    timeout: Duration,
    wbinfo: Option<Wbinfo>,
    /// `None` after one has died, until the next one is needed.
    helper: Option<Helper>,
}

impl Worker {
    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // Held while waiting: whoever has it is the next to work.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(Job::Logon(request, answer)) => answer.fulfil(self.work(&request)),
                Ok(Job::Groups(account, answer)) => answer.fulfil(self.groups(&account)),
                Err(_) => return,
            }
        }
    }

    fn groups(&self, account: &AccountName) -> Known {
        let wbinfo = self.wbinfo.as_ref().ok_or("nobody is asked for groups")?;
        wbinfo.ask(account, self.timeout)
    }

    /// A logon can be asked for again: it changes nothing.
    fn work(&mut self, request: &str) -> Answer {
        for _ in 0..TRIES {
            let mut helper = match self.helper.take() {
                Some(helper) => helper,
                None => Helper::start(&self.program, &self.arguments)
                    .map_err(|error| format!("ntlm_auth does not start: {error}"))?,
            };
            match helper.ask(request, self.timeout) {
                Ok(answer) => {
                    // After an error of its own it may say more: a helper
                    // that is out of step could answer for somebody else.
                    let usual = |line: &Line| line.starts_with("Authenticated: ");
                    self.helper = Some(helper).filter(|_| answer.first().is_some_and(usual));
                    return Ok(answer);
                }
                // What it still says would be taken for the next answer, so
                // it is not kept.
                Err(NoAnswer::Late) => {
                    return Err("winbind takes too long to answer".into());
                }
                Err(NoAnswer::Died) => {}
            }
        }
        Err("ntlm_auth ends without an answer; is winbindd running, and may it be asked?".into())
    }
}
