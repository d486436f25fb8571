//! What a handshake that is half done has been held to, or will be: another
//! process goes on with it only where all of this is the same. No keys.

use ring::digest;

use crate::backends::{PreparedBackend, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::encoding::Writer;
use crate::mechanism::Mechanism;
use crate::policy::Policy;
use crate::requirements::DataRepresentation;

pub(super) fn of(
    name: &str,
    backend: &dyn PreparedBackend,
    settings: &Settings,
    policy: &Policy,
) -> [u8; 32] {
    let mut writer = Writer::new();
    writer.text("gss-acceptor configuration 1");
    writer.text(name);
    write_settings(&mut writer, settings);
    // Whatever the policy comes to be made of, it is all in here.
    writer.text(&format!("{policy:?}"));
    writer.bytes(&backend.fingerprint());
    let all = writer.finish();
    let mut fingerprint = [0; 32];
    let digest = digest::digest(&digest::SHA256, all.expose());
    fingerprint
        .iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    fingerprint
}

fn write_settings(writer: &mut Writer, settings: &Settings) {
    // How many there are in front of each list: two configurations must not
    // read the same.
    write_count(writer, settings.mechanisms.len());
    for mechanism in &settings.mechanisms {
        writer.u8(match mechanism {
            Mechanism::Kerberos => 1,
            Mechanism::Ntlm => 2,
        });
    }
    writer.u64(settings.required.bits());
    writer.u64(settings.requested.bits());
    writer.u8(match settings.channel_bindings {
        ChannelBindingPolicy::WhenGiven => 1,
        ChannelBindingPolicy::Ignore => 2,
        ChannelBindingPolicy::WhenSent => 3,
        ChannelBindingPolicy::Require => 4,
        ChannelBindingPolicy::AnyPresent => 5,
    });
    write_count(writer, settings.services.len());
    for service in &settings.services {
        writer.text(&service.to_string());
    }
    writer.flag(settings.alias_limit > 0);
    write_count(writer, settings.etypes.len());
    for etype in &settings.etypes {
        writer.i32(etype.0);
    }
    writer.u64(settings.clock_skew.as_secs());
    writer.flag(settings.data_representation == DataRepresentation::Native);
}

fn write_count(writer: &mut Writer, count: usize) {
    writer.u64(count as u64);
}
