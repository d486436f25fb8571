#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![warn(missing_docs, clippy::pedantic)]
// clippy.toml says where clock, files and randomness are.
#![cfg_attr(not(any(test, fuzzing)), deny(clippy::disallowed_methods))]
#![allow(clippy::module_name_repetitions)]
// Names of the documents (`KRB_AP_ERR_SKEW`, `NegTokenInit`) read as prose.
#![allow(clippy::doc_markdown)]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::large_stack_arrays)
)]

mod acceptor;
pub mod accounts;
mod apart;
mod authorization;
#[cfg(all(feature = "broker-daemon", target_os = "linux"))]
pub mod broker;
mod calendar;
mod ccache;
mod channel_bindings;
mod config;
mod context;
mod context_data;
mod credentials;
mod delegation;
mod encoding;
mod error;
mod etype;
mod facts;
mod files;
#[cfg(test)]
mod hex;
#[cfg(feature = "http")]
pub mod http;
mod importer;
mod keytab;
#[cfg(feature = "krb5-conf")]
mod krb5_conf;
mod local_names;
mod mapped;
mod mechanism;
mod message;
mod name;
mod ntlm;
mod once;
pub mod pac;
mod policy;
mod random;
mod realms;
mod replay;
mod reply;
mod requirements;
mod sealing;
mod secret;
mod sid;
mod time;
mod token;
#[cfg(feature = "tokio")]
pub mod tokio;

#[path = "../backends/mod.rs"]
pub mod backends;

#[cfg(feature = "sasl")]
pub mod sasl;
#[cfg(feature = "testing")]
pub mod testing;

pub use acceptor::{Acceptor, Failure, Step};
pub use authorization::{
    Authorization, Claim, ClaimSource, ClaimValues, DelegatedThrough, Device, EncodedClaims,
    Evidence, Group, GroupAttributes, GroupSource, Groups, GroupsIter, LogonTimes, PacRequest,
    PacSignatures, SignatureCheck, Upn, UpnOrigin,
};
pub use ccache::{CredentialCache, KerberosCredential, TicketFlags};
pub use channel_bindings::{ChannelBindingPolicy, ChannelBindings, ChannelBindingsError};
pub use config::{AcceptorConfig, ConfigBuilder, Description, Limits};
pub use context::{BindingStatus, Context};
pub use context_data::ContextData;
pub use credentials::{
    CredentialPrompt, Credentials, Keytab, PromptAnswer, Salt, ServicePassword, UserToUser,
    WantedCredentials,
};
pub use delegation::Delegated;
pub use error::{
    AccountFileProblem, AuthorizationProblem, CcacheProblem, DelegationProblem, Elsewhere, Error,
    EtypeUse, GssMajor, KeyTried, KeytabProblem, Krb5ConfProblem, LogonProblem, Misuse,
    NtlmRejection, PlatformStatus, Rejection, SaslRejection, Sealed, SealedProblem, Unavailability,
    WindowsStatus,
};
pub use etype::EncryptionType;
pub use facts::{
    Ability, AuthorizationFact, BindingFact, Capabilities, ClientTarget, DelegationFact,
    ExpiryPrecision, Facts, MechanismCapabilities, TargetSource, Undisclosed,
};
pub use importer::ContextImporter;
#[cfg(feature = "krb5-conf")]
pub use krb5_conf::{Krb5Conf, LocalNameRule, LocalNameTemplate, Substitution};
#[cfg(all(feature = "unix", unix))]
pub use local_names::UnixAccount;
pub use local_names::{LocalName, LocalNames};
pub use mapped::{Mapped, MappedAcceptor, MappedStep};
pub use mechanism::{Framing, Mechanism};
pub use message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
pub use name::{Name, Principal, ServiceName};
pub use ntlm::{MicDemand, Ntlm, NtlmNames};
pub use realms::Capaths;
pub use replay::{MemoryReplayStore, ReplayEntry, ReplayPurpose, ReplayStore, ReplayVerdict};
#[cfg(feature = "redis")]
pub use replay::{RedisReplayOptions, RedisReplayStore};
pub use reply::Reply;
pub use requirements::{DataRepresentation, Granted, Requirements};
pub use sealing::SealingKey;
pub use secret::Secret;
pub use sid::{Sid, SidError};
pub use time::{Clock, ExpiredContexts, Expiry, SystemClock, Utc};
pub use token::{CredentialHandle, StepInput};
