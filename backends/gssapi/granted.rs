//! What a context has, by the flags that the library returns.

use crate::backends::Settings;
use crate::requirements::{Granted, Requirements};

/// `ret_flags` (RFC 2744 3.9, `gssapi_ext.h`).
pub(super) mod flag {
    pub(in crate::backends::gssapi) const DELEG: u32 = 1;
    pub(in crate::backends::gssapi) const MUTUAL: u32 = 2;
    pub(in crate::backends::gssapi) const REPLAY: u32 = 4;
    pub(in crate::backends::gssapi) const SEQUENCE: u32 = 8;
    pub(in crate::backends::gssapi) const CONF: u32 = 16;
    pub(in crate::backends::gssapi) const INTEG: u32 = 32;
    pub(in crate::backends::gssapi) const ANON: u32 = 64;
    pub(in crate::backends::gssapi) const CHANNEL_BOUND: u32 = 0x800;
    pub(in crate::backends::gssapi) const DCE_STYLE: u32 = 0x1000;
    pub(in crate::backends::gssapi) const IDENTIFY: u32 = 0x2000;
}

/// Flag by flag; what the configuration alone decides, by its wish.
pub(super) fn granted(flags: u32, settings: &Settings) -> Granted {
    let by_flag = [
        (flag::MUTUAL, Granted::MUTUAL_AUTH),
        (flag::REPLAY, Granted::REPLAY_DETECT),
        (flag::SEQUENCE, Granted::SEQUENCE_DETECT),
        (flag::CONF, Granted::CONFIDENTIALITY),
        (flag::INTEG, Granted::INTEGRITY),
        (flag::DCE_STYLE, Granted::USED_DCE_STYLE),
        (flag::IDENTIFY, Granted::IDENTIFY),
    ];
    let by_setting = [
        (Requirements::CONNECTION, Granted::CONNECTION),
        (Requirements::DATAGRAM, Granted::DATAGRAM),
        (Requirements::STREAM, Granted::STREAM),
        (Requirements::EXTENDED_ERROR, Granted::EXTENDED_ERROR),
        (Requirements::ALLOCATE_MEMORY, Granted::ALLOCATED_MEMORY),
    ];
    let mut granted = Granted::empty();
    for (flag, own) in by_flag {
        granted.set(own, flags & flag != 0);
    }
    for (wanted, own) in by_setting {
        granted.set(own, settings.wants(wanted));
    }
    if granted.contains(Granted::DATAGRAM) {
        granted.remove(Granted::SEQUENCE_DETECT);
    }
    granted
}
