//! What the calling code did wrong.

use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::{GssMajor, Printable, WindowsStatus, list};
use crate::mechanism::Mechanism;
use crate::requirements::Requirements;

/// How the calling code erred.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A step after the handshake has ended.
    #[error("this handshake has ended; make a new Acceptor for the next one")]
    StepAfterEnd,
    /// A policy that looks at channel bindings, and a step without any.
    #[error(
        "the channel-binding policy is {policy:?}, but this step gives no channel bindings; \
         use step_with and StepInput::channel_bindings"
    )]
    BindingsNotGiven {
        /// The policy.
        policy: ChannelBindingPolicy,
    },
    /// Other bindings than in the first step.
    #[error("the channel bindings of a handshake must be the same in every step")]
    BindingsChanged,
    /// Credentials in a step whose configuration does not ask for any, or
    /// after the first step.
    #[error("credentials may come with the first step alone, and only under USE_SUPPLIED_CREDS")]
    CredentialsNotExpected,
    /// USE_SUPPLIED_CREDS is required, and a first step without credentials.
    #[error("USE_SUPPLIED_CREDS is required, but the first step gives no credentials")]
    CredentialsNotGiven,
    /// USE_SESSION_KEY is required, and there is no TGT to do it with.
    #[error(
        "USE_SESSION_KEY is required, and the credentials have no TGT; add the server's own \
         (`UserToUser`)"
    )]
    TgtNotGiven,
    /// Bytes that are no sealing key.
    #[error(
        "a sealing key is 32 random bytes, these are {found}, or all the same; make one with \
         SealingKey::generate"
    )]
    SealingKey {
        /// How many bytes there are.
        found: usize,
    },
    /// A handshake that is suspended, or mapped, under a configuration that
    /// was not made for it.
    #[error("the configuration does not allow this; say `ConfigBuilder::{setting}()`")]
    NotConfigured {
        /// The builder function.
        setting: &'static str,
    },
    /// A handshake that cannot be suspended as it is.
    #[error("this handshake cannot be suspended: {problem}")]
    NotSuspended {
        /// Why.
        problem: &'static str,
    },
    /// A handle that another backend acquired.
    #[error("this credential handle is of another backend or configuration")]
    ForeignCredentials,
    /// A requirement that the backend cannot honour.
    #[error("the {backend} backend cannot honour {}", .flags.names())]
    CannotHonour {
        /// The backend.
        backend: &'static str,
        /// What it cannot.
        flags: Requirements,
    },
    /// A requirement that means nothing without a setting that is missing.
    #[error("{} is required, which needs `{setting}`", .flags.names())]
    NeedsSetting {
        /// The requirement.
        flags: Requirements,
        /// The setting, by its builder function's name.
        setting: &'static str,
    },
    /// A channel-binding policy that the backend cannot report on.
    #[error("the {backend} backend cannot apply the channel-binding policy {policy:?}")]
    CannotBind {
        /// The backend.
        backend: &'static str,
        /// The policy.
        policy: ChannelBindingPolicy,
    },
    /// A setting that the backend cannot honour.
    #[error("the {backend} backend cannot honour the setting `{setting}`")]
    CannotSet {
        /// The backend.
        backend: &'static str,
        /// The setting, by its builder function's name.
        setting: &'static str,
    },
    /// A mechanism that the backend does not have.
    #[error("the {backend} backend has no {mechanism}")]
    NoMechanism {
        /// The backend.
        backend: &'static str,
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// A mechanism that is enabled, and no credentials for it.
    #[error(
        "{mechanism} is enabled, and the backend was given nothing to accept it with; give it {}, \
         or leave the mechanism out",
        match .mechanism { Mechanism::Kerberos => "a Keytab or ServicePassword", Mechanism::Ntlm => "an Ntlm with accounts" }
    )]
    NoCredentials {
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// Two settings that exclude each other.
    #[error("{first} and {second} exclude each other")]
    Conflict {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A setting outside what makes sense.
    #[error("`{setting}` is out of range: {problem}")]
    OutOfRange {
        /// The setting, by its builder function's name.
        setting: &'static str,
        /// What is allowed.
        problem: &'static str,
    },
    /// A name that cannot be read.
    #[error("'{}' is not a name; write service, service/host or name@REALM", Printable(.text))]
    Name {
        /// The text.
        text: String,
    },
    /// A message service that the context does not have.
    #[error("the context does not have {}; it has {has}", .lacks.names())]
    NotGranted {
        /// What is needed.
        lacks: Requirements,
        /// What was granted.
        has: String,
    },
    /// A context with 32-bit sequence numbers (rc4-hmac, RFC 1964) that has
    /// sent a message under each of them.
    #[error(
        "this context has sent 2^32 messages, as many as it has sequence numbers for; \
         establish another"
    )]
    SequenceExhausted,
    /// A buffer that is too small for the message in it.
    #[error("the buffer needs {needed} bytes, it has {has}")]
    BufferTooSmall {
        /// How many bytes are needed.
        needed: usize,
        /// How many there are.
        has: usize,
    },
    /// Parts that make no message.
    #[error("the parts make no message: {problem}")]
    Parts {
        /// What is wrong with them.
        problem: &'static str,
    },
    /// Encryption types that are not implemented, or none at all.
    #[error("no usable encryption type among: {}", list(.etypes))]
    Etypes {
        /// What was asked for.
        etypes: Vec<crate::etype::EncryptionType>,
    },
    /// An encryption type that is too weak to be accepted because it stands
    /// in a list.
    #[error(
        "{etype} is broken, and naming it in `encryption_types` does not enable it; \
         leave it out, or say so with `ConfigBuilder::{setting}()`"
    )]
    InsecureEtype {
        /// The type.
        etype: crate::etype::EncryptionType,
        /// The builder function that enables it.
        setting: &'static str,
    },
    /// A service's password that no key of this type can be made of.
    #[error("a password for {etype} must be text in UTF-8")]
    PasswordEncoding {
        /// The type.
        etype: crate::etype::EncryptionType,
    },
    /// A broker refuses what is asked of it.
    #[error("the broker refuses: {}", Printable(.text))]
    Broker {
        /// Its words.
        text: String,
    },
    /// A rule for local names that cannot be applied (`auth_to_local`).
    #[error("a rule for local names is {problem}: {}", Printable(.rule))]
    LocalNameRule {
        /// The rule's kind, or its expression.
        rule: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Something that this backend or mechanism does not do.
    #[error("not supported by the {backend} backend: {what}")]
    Unsupported {
        /// The backend.
        backend: &'static str,
        /// What.
        what: &'static str,
    },
}

impl Misuse {
    pub(super) fn status(&self) -> WindowsStatus {
        match self {
            Self::StepAfterEnd => WindowsStatus::SEC_E_INVALID_HANDLE,
            Self::BufferTooSmall { .. } => WindowsStatus::SEC_E_BUFFER_TOO_SMALL,
            Self::CannotHonour { .. }
            | Self::CannotBind { .. }
            | Self::CannotSet { .. }
            | Self::NotGranted { .. }
            | Self::Unsupported { .. } => WindowsStatus::SEC_E_UNSUPPORTED_FUNCTION,
            Self::NoCredentials { .. } => WindowsStatus::SEC_E_NO_CREDENTIALS,
            Self::NoMechanism { .. } => WindowsStatus::SEC_E_SECPKG_NOT_FOUND,
            _ => WindowsStatus::SEC_E_INVALID_PARAMETER,
        }
    }

    pub(super) fn gss_major(&self) -> GssMajor {
        match self {
            Self::StepAfterEnd => GssMajor::NO_CONTEXT,
            Self::NoCredentials { .. } => GssMajor::NO_CRED,
            Self::NoMechanism { .. } => GssMajor::BAD_MECH,
            Self::Name { .. } => GssMajor::BAD_NAME,
            Self::CannotHonour { .. }
            | Self::CannotBind { .. }
            | Self::CannotSet { .. }
            | Self::NotGranted { .. }
            | Self::Unsupported { .. } => GssMajor::UNAVAILABLE,
            _ => GssMajor::FAILURE,
        }
    }
}
