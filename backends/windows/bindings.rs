//! Channel bindings, as the system takes them and what it says of them.

use windows_sys::Win32::Security::Authentication::Identity::{
    SEC_CHANNEL_BINDINGS_RESULT_ABSENT, SEC_CHANNEL_BINDINGS_RESULT_CLIENT_SUPPORT,
    SEC_CHANNEL_BINDINGS_RESULT_NOTVALID_MISMATCH, SEC_CHANNEL_BINDINGS_RESULT_NOTVALID_MISSING,
    SEC_CHANNEL_BINDINGS_RESULT_VALID_MATCHED, SEC_CHANNEL_BINDINGS_RESULT_VALID_MISSING,
    SEC_CHANNEL_BINDINGS_RESULT_VALID_PROXY,
};

use crate::channel_bindings::{ChannelBindingPolicy, ChannelBindings};
use crate::facts::BindingFact;
use crate::requirements::Requirements;

/// The step's, in the layout of `SEC_CHANNEL_BINDINGS`; none where the policy
/// does not look at them.
pub(super) fn buffer(
    policy: ChannelBindingPolicy,
    given: Option<&ChannelBindings>,
) -> Option<Vec<u8>> {
    let ignored = policy == ChannelBindingPolicy::Ignore;
    given
        .filter(|_| !ignored)
        .map(ChannelBindings::sec_channel_bindings)
}

/// What the system is to do about a client that sends none.
pub(super) fn flags(policy: ChannelBindingPolicy) -> Requirements {
    match policy {
        ChannelBindingPolicy::WhenGiven | ChannelBindingPolicy::WhenSent => {
            Requirements::ALLOW_MISSING_BINDINGS
        }
        ChannelBindingPolicy::AnyPresent => Requirements::PROXY_BINDINGS,
        _ => Requirements::empty(),
    }
}

/// What `SECBUFFER_CHANNEL_BINDINGS_RESULT` says. A system that has it sets
/// at least one bit; nothing at all tells nothing.
pub(super) fn fact(result: u32) -> BindingFact {
    let has = |bit: u32| result & bit != 0;
    if has(SEC_CHANNEL_BINDINGS_RESULT_NOTVALID_MISMATCH) {
        return BindingFact::Mismatch {
            null_address_type: false,
        };
    }
    let absent = has(SEC_CHANNEL_BINDINGS_RESULT_ABSENT)
        || has(SEC_CHANNEL_BINDINGS_RESULT_NOTVALID_MISSING)
        || has(SEC_CHANNEL_BINDINGS_RESULT_VALID_MISSING);
    if absent && has(SEC_CHANNEL_BINDINGS_RESULT_CLIENT_SUPPORT) {
        BindingFact::AbsentThoughPromised
    } else if absent {
        BindingFact::Absent
    } else if has(SEC_CHANNEL_BINDINGS_RESULT_VALID_PROXY) {
        BindingFact::PresentNotCompared
    } else if has(SEC_CHANNEL_BINDINGS_RESULT_VALID_MATCHED) {
        BindingFact::Bound
    } else {
        BindingFact::Undisclosed
    }
}
