//! A few connections, each with its thread, and the checks that wait for one.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::link::{Link, NoAnswer, Open};
use super::script::{Question, Told};
use crate::reply::{Promise, Reply, promise};

pub(super) type Answer = Result<Told, String>;

/// The queue; the threads behind it end when it is dropped.
pub(super) struct Pool {
    queue: SyncSender<Job>,
}

struct Job {
    question: Question,
    answer: Promise<Answer>,
}

impl Pool {
    pub(super) fn start(link: &Link, connections: usize, waiting: usize) -> Self {
        let (queue, jobs) = mpsc::sync_channel(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..connections {
            let worker = Worker {
                link: link.clone(),
                open: None,
            };
            let jobs = Arc::clone(&jobs);
            // Without a thread the promise is broken, which is an answer.
            let _ = thread::Builder::new()
                .name("redis-replay".into())
                .spawn(move || worker.run(&jobs));
        }
        Self { queue }
    }

    pub(super) fn ask(&self, question: Question) -> Reply<Answer> {
        let (answer, reply) = promise(|| Err("the thread that asks Redis has ended".into()));
        match self.queue.try_send(Job { question, answer }) {
            Ok(()) => reply,
            Err(TrySendError::Full(_)) => {
                Reply::Now(Err("too many logins are waiting for Redis".into()))
            }
            Err(TrySendError::Disconnected(_)) => {
                Reply::Now(Err("the threads that ask Redis have ended".into()))
            }
        }
    }
}

struct Worker {
    link: Link,
    open: Option<Open>,
}

impl Worker {
    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // Held while waiting: whoever has it is the next to work.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { question, answer }) = job else {
                return;
            };
            let told = self.work(&question);
            let failed = told.as_ref().err().cloned();
            answer.fulfil(told);
            if let Some(text) = failed {
                fail_waiting(jobs, &text);
            }
        }
    }

    fn work(&mut self, question: &Question) -> Answer {
        if let Some(mut open) = self.open.take() {
            match open.ask(question) {
                Ok(told) => {
                    self.open = Some(open);
                    return Ok(told);
                }
                // The check may have been made; if so, it knows its number.
                Err(NoAnswer::Ended(_)) => {}
                Err(NoAnswer::Failed(text)) => return Err(text),
            }
        }
        let mut open = self.link.open()?;
        match open.ask(question) {
            Ok(told) => {
                self.open = Some(open);
                Ok(told)
            }
            Err(NoAnswer::Ended(text) | NoAnswer::Failed(text)) => Err(text),
        }
    }
}

/// They would each wait as long for the same answer.
fn fail_waiting(jobs: &Mutex<Receiver<Job>>, text: &str) {
    // Where another thread has it, it waits for a job: there is none.
    let Ok(jobs) = jobs.try_lock() else { return };
    while let Ok(job) = jobs.try_recv() {
        job.answer.fulfil(Err(text.to_owned()));
    }
}
