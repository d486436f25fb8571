//! What a backend on secur32 needs of the system besides: clocks, handles,
//! tokens. A test brings its own.

#[cfg_attr(not(windows), path = "system/absent.rs")]
mod sys;

pub(super) use self::sys::open;

/// The part of the system that is not secur32.
pub(super) trait System: Send + Sync {
    /// Which implementation of secur32 this is.
    fn kind(&self) -> Kind;

    /// A local time as universal time, both in 100 ns since 1601, by the bias
    /// that holds now: the packages reckon by that one
    /// (`LocalFileTimeToFileTime`).
    fn to_utc(&self, local: i64) -> Option<i64>;

    /// Closes a handle.
    fn close(&self, handle: RawHandle);

    /// The SID of the user of a token, in its binary form (MS-DTYP 2.4.2.2).
    fn user(&self, token: RawHandle) -> Option<Vec<u8>>;

    /// The SIDs of the groups of a token, with their attributes
    /// (`SE_GROUP_*`).
    fn groups(&self, token: RawHandle) -> Option<Vec<(Vec<u8>, u32)>>;

    /// The process cannot go on safely.
    fn abort(&self) -> !;
}

/// A handle of the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawHandle(pub(super) usize);

/// Which implementation of secur32 this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Microsoft's, of this build number.
    Windows {
        /// As `RtlGetVersion` has it.
        build: u32,
    },
    /// Wine's.
    Wine,
}

impl Kind {
    /// Whether `SECBUFFER_CHANNEL_BINDINGS_RESULT` tells what became of
    /// channel bindings: Windows 11 24H2, Server 2025.
    pub(super) fn tells_bindings(self) -> bool {
        matches!(self, Self::Windows { build: 26_100.. })
    }
}
