//! What is asked of a context, and what it turned out to have.

use bitflags::bitflags;

bitflags! {
    /// What the server asks of a context: the `ASC_REQ_*` flags, with the
    /// values of `sspi.h`.
    ///
    /// In [`require`](crate::ConfigBuilder::require) a flag is a condition:
    /// without it the client is rejected. In
    /// [`request`](crate::ConfigBuilder::request) it is taken if it can be
    /// had. What was got is told by [`Granted`], another type.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Requirements: u64 {
        /// The client delegated usable credentials (RFC 4121 4.1.1).
        const DELEGATE = 0x1;
        /// The server proved itself to the client too.
        const MUTUAL_AUTH = 0x2;
        /// Replayed messages are detected (RFC 2743 1.2.3). Implies INTEGRITY.
        const REPLAY_DETECT = 0x4;
        /// Messages out of order are detected (RFC 2743 1.2.3). Implies
        /// INTEGRITY.
        const SEQUENCE_DETECT = 0x8;
        /// Messages can be sealed.
        const CONFIDENTIALITY = 0x10;
        /// User-to-user: the ticket is in the session key of the server's own
        /// TGT (RFC 4120 3.7).
        const USE_SESSION_KEY = 0x20;
        /// `ASC_REQ_SESSION_TICKET`; of Schannel, on Windows only.
        const SESSION_TICKET = 0x40;
        /// The package allocates the output. Everywhere but on Windows it
        /// always does.
        const ALLOCATE_MEMORY = 0x100;
        /// Three-leg mutual authentication as DCE RPC has it (MS-KILE
        /// 3.4.5.1).
        const USE_DCE_STYLE = 0x200;
        /// Messages may be lost or arrive out of order.
        const DATAGRAM = 0x400;
        /// Messages arrive in order, or not at all.
        const CONNECTION = 0x800;
        /// `ASC_REQ_CALL_LEVEL`; on Windows only.
        const CALL_LEVEL = 0x1000;
        /// `ASC_REQ_FRAGMENT_SUPPLIED`; on Windows only.
        const FRAGMENT_SUPPLIED = 0x2000;
        /// A failure carries an error message for the peer (KRB-ERROR).
        const EXTENDED_ERROR = 0x8000;
        /// `unwrap_stream` takes header, data and trailer in one buffer.
        const STREAM = 0x1_0000;
        /// Messages can be protected against alteration. Detects by itself
        /// neither replays nor disorder.
        const INTEGRITY = 0x2_0000;
        /// `ASC_REQ_LICENSING`; on Windows only.
        const LICENSING = 0x4_0000;
        /// The client lets itself be identified, not impersonated.
        const IDENTIFY = 0x8_0000;
        /// A client without a name may come in.
        const ALLOW_NULL_SESSION = 0x10_0000;
        /// `ASC_REQ_ALLOW_NON_USER_LOGONS`; on Windows only.
        const ALLOW_NON_USER_LOGONS = 0x20_0000;
        /// `ASC_REQ_ALLOW_CONTEXT_REPLAY`; on Windows only.
        const ALLOW_CONTEXT_REPLAY = 0x40_0000;
        /// `ASC_REQ_FRAGMENT_TO_FIT`; on Windows only.
        const FRAGMENT_TO_FIT = 0x80_0000;
        /// `ASC_REQ_NO_TOKEN`: no access token is made; on Windows only.
        const NO_TOKEN = 0x100_0000;
        /// Channel bindings are a proxy's: some must be there, none are
        /// compared ([`ChannelBindingPolicy::AnyPresent`](crate::ChannelBindingPolicy::AnyPresent)).
        const PROXY_BINDINGS = 0x400_0000;
        /// A client that sends no channel bindings may come in
        /// ([`ChannelBindingPolicy::WhenSent`](crate::ChannelBindingPolicy::WhenSent)).
        const ALLOW_MISSING_BINDINGS = 0x1000_0000;
        /// A callback of the application is asked for credentials when the
        /// configured source has none for the target. `sspi.h` defines it for
        /// initiators only, so the bit is this crate's and never reaches
        /// Windows.
        const PROMPT_FOR_CREDS = 1 << 32;
        /// Credentials come with the first step's input and replace the
        /// configured ones. The bit is this crate's, as above.
        const USE_SUPPLIED_CREDS = 1 << 33;
    }
}

impl Requirements {
    /// The flags that are facts about a finished handshake, and that the
    /// policy compares with what the backend reports.
    pub const CHECKED_AT_END: Self = Self::DELEGATE
        .union(Self::MUTUAL_AUTH)
        .union(Self::REPLAY_DETECT)
        .union(Self::SEQUENCE_DETECT)
        .union(Self::CONFIDENTIALITY)
        .union(Self::USE_SESSION_KEY)
        .union(Self::USE_DCE_STYLE)
        .union(Self::INTEGRITY)
        .union(Self::IDENTIFY);

    /// The flags that `sspi.h` gives to Schannel or to the Windows logon
    /// session, and that have no meaning elsewhere.
    pub const WINDOWS_ONLY: Self = Self::SESSION_TICKET
        .union(Self::CALL_LEVEL)
        .union(Self::FRAGMENT_SUPPLIED)
        .union(Self::LICENSING)
        .union(Self::ALLOW_NON_USER_LOGONS)
        .union(Self::ALLOW_CONTEXT_REPLAY)
        .union(Self::FRAGMENT_TO_FIT)
        .union(Self::NO_TOKEN);

    /// The value for `AcceptSecurityContext`: the bits of `sspi.h` alone.
    #[must_use]
    pub fn asc_req(self) -> u32 {
        let sspi = self.difference(Self::PROMPT_FOR_CREDS.union(Self::USE_SUPPLIED_CREDS));
        u32::try_from(sspi.bits()).unwrap_or(0)
    }

    /// With what the flags imply: REPLAY_DETECT and SEQUENCE_DETECT need
    /// INTEGRITY, and DCE style is mutual (MS-KILE 3.4.5.1).
    #[must_use]
    pub fn with_implied(self) -> Self {
        let mut all = self;
        if self.intersects(Self::REPLAY_DETECT | Self::SEQUENCE_DETECT) {
            all |= Self::INTEGRITY;
        }
        if self.contains(Self::USE_DCE_STYLE) {
            all |= Self::MUTUAL_AUTH;
        }
        all
    }

    /// The `ASC_REQ_*` names of the flags, for messages.
    #[must_use]
    pub fn names(self) -> String {
        join(self.iter_names().map(|(name, _)| name))
    }
}

bitflags! {
    /// What a context has: the `ASC_RET_*` flags, with the values of
    /// `sspi.h`. Computed from what happened, never from what was asked.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Granted: u32 {
        /// The client delegated usable credentials.
        const DELEGATE = 0x1;
        /// The server proved itself to the client.
        const MUTUAL_AUTH = 0x2;
        /// Replayed messages are detected.
        const REPLAY_DETECT = 0x4;
        /// Messages out of order are detected.
        const SEQUENCE_DETECT = 0x8;
        /// Messages can be sealed.
        const CONFIDENTIALITY = 0x10;
        /// The ticket was in a session key (user-to-user).
        const USE_SESSION_KEY = 0x20;
        /// `ASC_RET_SESSION_TICKET`.
        const SESSION_TICKET = 0x40;
        /// The package allocated the output.
        const ALLOCATED_MEMORY = 0x100;
        /// The handshake was DCE style.
        const USED_DCE_STYLE = 0x200;
        /// The channel loses and reorders.
        const DATAGRAM = 0x400;
        /// The channel is a connection.
        const CONNECTION = 0x800;
        /// `ASC_RET_CALL_LEVEL`.
        const CALL_LEVEL = 0x2000;
        /// `ASC_RET_THIRD_LEG_FAILED`.
        const THIRD_LEG_FAILED = 0x4000;
        /// A failure would have carried an error message for the peer.
        const EXTENDED_ERROR = 0x8000;
        /// Messages can be taken from one contiguous buffer.
        const STREAM = 0x1_0000;
        /// Messages can be protected against alteration.
        const INTEGRITY = 0x2_0000;
        /// `ASC_RET_LICENSING`.
        const LICENSING = 0x4_0000;
        /// The client lets itself be identified, not impersonated.
        const IDENTIFY = 0x8_0000;
        /// The client has no name.
        const NULL_SESSION = 0x10_0000;
        /// `ASC_RET_ALLOW_NON_USER_LOGONS`.
        const ALLOW_NON_USER_LOGONS = 0x20_0000;
        /// `ASC_RET_ALLOW_CONTEXT_REPLAY`.
        const ALLOW_CONTEXT_REPLAY = 0x40_0000;
        /// `ASC_RET_FRAGMENT_ONLY`.
        const FRAGMENT_ONLY = 0x80_0000;
        /// `ASC_RET_NO_TOKEN`.
        const NO_TOKEN = 0x100_0000;
        /// `ASC_RET_NO_ADDITIONAL_TOKEN`.
        const NO_ADDITIONAL_TOKEN = 0x200_0000;
    }
}

impl Granted {
    /// The checked requirements that these flags meet. Spelt out rather than
    /// cast: the two headers do not use the same bits everywhere.
    #[must_use]
    pub fn meets(self) -> Requirements {
        const PAIRS: [(Granted, Requirements); 9] = [
            (Granted::DELEGATE, Requirements::DELEGATE),
            (Granted::MUTUAL_AUTH, Requirements::MUTUAL_AUTH),
            (Granted::REPLAY_DETECT, Requirements::REPLAY_DETECT),
            (Granted::SEQUENCE_DETECT, Requirements::SEQUENCE_DETECT),
            (Granted::CONFIDENTIALITY, Requirements::CONFIDENTIALITY),
            (Granted::USE_SESSION_KEY, Requirements::USE_SESSION_KEY),
            (Granted::USED_DCE_STYLE, Requirements::USE_DCE_STYLE),
            (Granted::INTEGRITY, Requirements::INTEGRITY),
            (Granted::IDENTIFY, Requirements::IDENTIFY),
        ];
        PAIRS
            .into_iter()
            .filter(|(granted, _)| self.contains(*granted))
            .fold(Requirements::empty(), |met, (_, required)| met | required)
    }

    /// The `ASC_RET_*` names of the flags, for messages.
    #[must_use]
    pub fn names(self) -> String {
        join(self.iter_names().map(|(name, _)| name))
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    if text.is_empty() {
        text.push_str("none");
    }
    text
}

/// How a package represents data in its tokens (`TargetDataRep` of
/// `AcceptSecurityContext`). Kerberos, NTLM and SPNEGO fix their own
/// representation; the value reaches Windows as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DataRepresentation {
    /// `SECURITY_NETWORK_DREP` (0): big-endian, for peers of any kind.
    #[default]
    Network,
    /// `SECURITY_NATIVE_DREP` (0x10): the machine's own.
    Native,
}

impl DataRepresentation {
    /// The value for `AcceptSecurityContext`.
    #[must_use]
    pub fn target_data_rep(self) -> u32 {
        match self {
            Self::Network => 0,
            Self::Native => 0x10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataRepresentation, Granted, Requirements};

    /// Values from sspi.h (Windows SDK), checked against the `windows-sys`
    /// crate's constants.
    #[test]
    fn flags_have_the_values_of_sspi_h() {
        for (flag, value) in [
            (Requirements::DELEGATE, 0x1),
            (Requirements::MUTUAL_AUTH, 0x2),
            (Requirements::REPLAY_DETECT, 0x4),
            (Requirements::SEQUENCE_DETECT, 0x8),
            (Requirements::CONFIDENTIALITY, 0x10),
            (Requirements::USE_SESSION_KEY, 0x20),
            (Requirements::ALLOCATE_MEMORY, 0x100),
            (Requirements::USE_DCE_STYLE, 0x200),
            (Requirements::DATAGRAM, 0x400),
            (Requirements::CONNECTION, 0x800),
            (Requirements::EXTENDED_ERROR, 0x8000),
            (Requirements::STREAM, 0x10000),
            (Requirements::INTEGRITY, 0x20000),
            (Requirements::IDENTIFY, 0x80000),
            (Requirements::ALLOW_NULL_SESSION, 0x0010_0000),
            (Requirements::PROXY_BINDINGS, 0x0400_0000),
            (Requirements::ALLOW_MISSING_BINDINGS, 0x1000_0000),
        ] {
            assert_eq!(flag.asc_req(), value, "{}", flag.names());
        }
        assert_eq!(Granted::CALL_LEVEL.bits(), 0x2000);
        assert_eq!(Granted::NULL_SESSION.bits(), 0x0010_0000);
        assert_eq!(DataRepresentation::Native.target_data_rep(), 0x10);
    }

    #[test]
    fn flags_of_ours_never_reach_windows() {
        let ours = Requirements::PROMPT_FOR_CREDS | Requirements::USE_SUPPLIED_CREDS;
        assert_eq!((ours | Requirements::INTEGRITY).asc_req(), 0x20000);
    }

    #[test]
    fn detection_implies_integrity_and_dce_style_mutual() {
        for (flag, implied) in [
            (Requirements::REPLAY_DETECT, Requirements::INTEGRITY),
            (Requirements::SEQUENCE_DETECT, Requirements::INTEGRITY),
            (Requirements::USE_DCE_STYLE, Requirements::MUTUAL_AUTH),
        ] {
            assert_eq!(flag.with_implied(), flag | implied);
        }
        let alone = Requirements::CONFIDENTIALITY;
        assert_eq!(alone.with_implied(), alone);
    }

    #[test]
    fn every_checked_requirement_is_met_by_some_grant() {
        assert_eq!(Granted::all().meets(), Requirements::CHECKED_AT_END);
        assert_eq!(Granted::empty().meets(), Requirements::empty());
    }

    #[test]
    fn the_table_of_architecture_md_has_every_flag() {
        let text = include_str!("../ARCHITECTURE.md");
        let table = text.split("## Requirement flags").nth(1).unwrap();
        let table = table.split("\n## ").next().unwrap();
        let first_cells: String = table
            .lines()
            .filter_map(|row| row.split('|').nth(1))
            .collect();
        for (name, _) in Requirements::all().iter_names() {
            assert!(
                first_cells.contains(&format!("`{name}`")),
                "{name} has no row"
            );
        }
    }

    #[test]
    fn names_are_those_of_the_header() {
        let flags = Requirements::MUTUAL_AUTH | Requirements::INTEGRITY;
        assert_eq!(flags.names(), "MUTUAL_AUTH, INTEGRITY");
        assert_eq!(Granted::empty().names(), "none");
    }
}
