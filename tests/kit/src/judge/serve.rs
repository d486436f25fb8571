//! The child's side: reads requests, asks the library, writes verdicts.

use super::sys::{Context, Gss};
use super::wire::{self, Request};
use super::{Verdict, iov};
use std::collections::HashMap;
use std::io;

/// Serves until the input ends.
///
/// # Errors
/// The library is not there, or the pipe broke.
pub fn run(soname: &str) -> io::Result<()> {
    let gss = Gss::load(soname).map_err(|e| io::Error::new(io::ErrorKind::NotFound, e))?;
    let mut contexts: HashMap<u32, Context<'_>> = HashMap::new();
    let mut last = 0;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(fields) = wire::read(&mut input)? {
        let request = Request::read(fields)?;
        let mut context = match contexts.remove(&request.handle) {
            Some(context) => context,
            None if request.handle == 0 => gss.context(),
            None => {
                let text = format!("no context {}", request.handle);
                let verdict = Verdict {
                    major: 0x0008_0000,
                    text,
                    ..Verdict::default()
                };
                wire::write(&mut output, &verdict.fields())?;
                continue;
            }
        };
        let mut verdict = answer(&mut context, &request);
        if context.is_open() && request.op != wire::FORGET {
            verdict.handle = match request.handle {
                0 => {
                    last += 1;
                    last
                }
                old => old,
            };
            contexts.insert(verdict.handle, context);
        }
        wire::write(&mut output, &verdict.fields())?;
    }
    Ok(())
}

fn answer(context: &mut Context<'_>, request: &Request) -> Verdict {
    let data = request.data.as_deref().unwrap_or_default();
    let second = request.second.as_deref();
    match request.op {
        wire::ACCEPT => context.accept(data, second, request.name.as_deref()),
        wire::INIT => {
            let name = request.name.as_deref().unwrap_or_default();
            context.init(data, name, request.seal, request.flags, second)
        }
        wire::WRAP => context.wrap(data, request.seal),
        wire::UNWRAP => context.unwrap(data),
        wire::MIC => context.mic(data),
        wire::VERIFY => context.verify(data, second.unwrap_or_default()),
        wire::WRAP_IOV => context.wrap_iov(iov::read(data), request.seal),
        wire::UNWRAP_IOV => context.unwrap_iov(iov::read(data)),
        _ => Verdict::default(),
    }
}
