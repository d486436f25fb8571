//! A process that has keys, or one that has none: handshakes and contexts come from one and go on
//! in the other.
//!
//! `keys BACKEND SOURCE KEY STORE WORD..`: SOURCE is a keytab, or an account as USER:PASSWORD.
//! `app BACKEND KEY STORE`: takes contexts up, and holds no credentials.
//! BACKEND is rust, mit or heimdal; KEY the sealing key; STORE a Redis' address, or `-` for this
//! process's own memory. WORDs change the configuration.
//!
//! A request a line, words and hexadecimal; answers likewise, `no` and why in place of one.

use gss_acceptor::accounts::{MemoryAccounts, NtHash};
use gss_acceptor::backends::{GssapiLibrary, gssapi, rust, rust_importer};
use gss_acceptor::{
    Acceptor, AcceptorConfig, ConfigBuilder, Context, ContextImporter, Error, Keytab, Limits,
    Mechanism, MemoryReplayStore, Ntlm, Protection, RedisReplayStore, Rejection, ReplayStore,
    Requirements, SealingKey, Step,
};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What both processes call the one without keys.
const AUDIENCE: &str = "app";

/// What the process has.
pub struct Moved {
    config: Option<AcceptorConfig>,
    importer: ContextImporter,
    key: SealingKey,
    acceptor: Option<Acceptor>,
    /// The last one is the one that is spoken to; the others stay, as a server's do.
    contexts: Vec<Context>,
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kind of problem where there is one, else what the operator reads.
fn no(error: &Error) -> String {
    match error.rejection() {
        Some(Rejection::Sealed { what, problem }) => format!("no {what:?} {problem:?}"),
        _ => format!("no {error}"),
    }
}

fn store(url: &str) -> Result<Arc<dyn ReplayStore>, Error> {
    if url == "-" {
        return Ok(Arc::new(MemoryReplayStore::new()));
    }
    let options = RedisReplayStore::options()
        .clock_difference(Duration::ZERO)
        .timeout(Duration::from_secs(30));
    Ok(Arc::new(options.open(url)?))
}

fn library(name: &str) -> GssapiLibrary {
    match name {
        "mit" => GssapiLibrary::Mit,
        "heimdal" => GssapiLibrary::Heimdal,
        other => panic!("no backend: {other}"),
    }
}

fn builder(backend: &str, source: &str) -> Result<ConfigBuilder, Error> {
    if let Some((user, password)) = source.split_once(':') {
        let accounts = MemoryAccounts::new().user(user, NtHash::from_password(password));
        let ntlm = Ntlm::new(accounts).computer("WEB").domain("CORP");
        return Ok(AcceptorConfig::builder(rust(ntlm)).mechanisms(&[Mechanism::Ntlm]));
    }
    let keytab = Keytab::open(source)?;
    Ok(match backend {
        "rust" => AcceptorConfig::builder(rust(keytab)),
        other => AcceptorConfig::builder(gssapi(keytab).library(library(other))),
    })
}

fn change(builder: ConfigBuilder, word: &str) -> ConfigBuilder {
    match word.split_once('=') {
        None if word == "suspendable" => builder.suspendable(),
        None if word == "integrity" => builder.require(Requirements::INTEGRITY),
        Some(("service", name)) => builder.accept_service(name.parse().expect("a name")),
        Some(("age", seconds)) => {
            let mut limits = Limits::default();
            limits.max_age = Duration::from_secs(seconds.parse().expect("seconds"));
            builder.limits(limits)
        }
        _ => panic!("no word: {word}"),
    }
}

impl Moved {
    /// The process that these arguments describe.
    pub fn new(arguments: &[&str]) -> Result<Self, Error> {
        let (backend, key, url, config) = match arguments {
            ["keys", backend, source, key, url, words @ ..] => {
                let builder = builder(backend, source)?.replay_store(store(url)?);
                let builder = words.iter().fold(builder, |own, word| change(own, word));
                (backend, key, url, Some(builder.build()?))
            }
            ["app", backend, key, url] => (backend, key, url, None),
            other => panic!("not understood: {other:?}"),
        };
        let key = SealingKey::from_bytes(&unhex(key))?;
        let importer = ContextImporter::new(key.clone(), AUDIENCE).replay_store(store(url)?);
        let importer = match *backend {
            "rust" => importer.with(rust_importer()),
            other => importer.with(library(other).importer()?),
        };
        Ok(Self {
            config,
            importer,
            key,
            acceptor: None,
            contexts: Vec::new(),
        })
    }

    /// Answers one request.
    pub fn answer(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        self.try_answer(&words).unwrap_or_else(|error| no(&error))
    }

    fn context(&self) -> &Context {
        self.contexts.last().expect("a context")
    }

    fn try_answer(&mut self, words: &[&str]) -> Result<String, Error> {
        let protection = |sealed: &str| match sealed {
            "sealed" => Protection::Confidentiality,
            _ => Protection::Integrity,
        };
        Ok(match words {
            ["step", token] => self.step(&unhex(token))?,
            ["suspend"] => {
                let acceptor = self.acceptor.take().expect("a handshake");
                hex(&acceptor.suspend(&self.key)?)
            }
            ["resume", sealed] => {
                let config = self.config.as_ref().expect("keys");
                self.acceptor = None;
                self.acceptor = Some(Acceptor::resume(config, &self.key, &unhex(sealed))?);
                "resumed".into()
            }
            ["export", audience, milliseconds] => {
                let context = self.contexts.pop().expect("a context");
                let time = Duration::from_millis(milliseconds.parse().expect("a number"));
                let sealed =
                    context
                        .export()?
                        .seal(&self.key, audience, SystemTime::now() + time)?;
                hex(&sealed)
            }
            ["import", sealed] => {
                let context = self.importer.import(&unhex(sealed))?;
                self.contexts.push(context);
                format!("in {}", self.context().peer())
            }
            ["facts"] => {
                let own = self.context();
                let key = own.session_key()?.key;
                let (granted, expiry, bound) = (own.granted(), own.expiry(), own.bound());
                let key = hex(key.expose());
                format!("{} {granted:?} {expiry:?} {bound:?} {key}", own.peer())
            }
            ["wrap", sealed, data] => {
                hex(&self.context().wrap(protection(sealed), &unhex(data))?)
            }
            ["unwrap", token] => {
                let message = self.context().unwrap(&unhex(token))?;
                let sealed = match message.protection {
                    Protection::Confidentiality => "sealed",
                    Protection::Integrity => "signed",
                };
                format!("{:?} {sealed} {}", message.sequence, hex(&message.data))
            }
            ["mic", data] => hex(&self.context().mic(&unhex(data))?),
            ["verify", data, mic] => {
                format!("{:?}", self.context().verify(&unhex(data), &unhex(mic))?)
            }
            other => panic!("not understood: {other:?}"),
        })
    }

    fn step(&mut self, token: &[u8]) -> Result<String, Error> {
        let config = self.config.as_ref().expect("keys");
        let acceptor = self.acceptor.take();
        let mut acceptor = acceptor.unwrap_or_else(|| Acceptor::new(config));
        match acceptor.step(token)? {
            Step::Continue { token } => {
                self.acceptor = Some(acceptor);
                Ok(format!("go-on {}", hex(&token)))
            }
            Step::Established { token, context } => {
                self.contexts.push(context);
                Ok(format!("in {}", hex(&token.unwrap_or_default())))
            }
        }
    }
}
