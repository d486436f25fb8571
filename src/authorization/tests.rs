use super::{Authorization, Evidence, Group, GroupAttributes, GroupSource, Groups, PacSignatures};
use crate::accounts::AccountName;
use crate::sid::Sid;

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn group(text: &str, attributes: GroupAttributes, source: GroupSource) -> Group {
    Group::new(sid(text), attributes, source)
}

const ORDINARY: GroupAttributes = GroupAttributes::ORDINARY;

/// What is put in comes out, in order, whichever runs it was kept in.
#[test]
fn groups_keep_order_attributes_and_source() {
    let resource = ORDINARY | GroupAttributes::RESOURCE;
    let all = [
        group("S-1-5-21-1-2-3-513", ORDINARY, GroupSource::Account),
        group("S-1-5-21-1-2-3-512", ORDINARY, GroupSource::Account),
        group("S-1-5-21-1-2-3-512", resource, GroupSource::Resource),
        group("S-1-18-1", ORDINARY, GroupSource::Extra),
        group("S-1-5-21-1-2-3-1105", resource, GroupSource::Resource),
        group("S-1-5-21-1-2-4-1105", ORDINARY, GroupSource::Resource),
    ];
    let groups: Groups = all.into_iter().collect();
    assert_eq!(groups.iter().len(), 6);
    assert!(groups.iter().eq(all));
    assert!(all.iter().all(|group| groups.is_member(&group.sid)));
    for absent in [
        "S-1-5-21-1-2-4-513",
        "S-1-5-21-1-2-3",
        "S-1-18-2",
        "S-1-5-21-1-2-3-0",
    ] {
        assert!(!groups.contains(&sid(absent)), "{absent}");
    }
}

/// MS-DTYP 2.5.3.2 (access check): a group that is not enabled is not there,
/// one for denying only matches what denies and nothing else.
#[test]
fn attributes_decide_what_a_membership_is_good_for() {
    use GroupAttributes as A;
    for (attributes, allows, denies) in [
        (A::ORDINARY, true, true),
        (A::ENABLED, true, true),
        (A::empty(), false, false),
        (A::MANDATORY | A::ENABLED_BY_DEFAULT, false, false),
        (A::ENABLED | A::USE_FOR_DENY_ONLY, false, true),
        (A::USE_FOR_DENY_ONLY, false, true),
    ] {
        let own = sid("S-1-5-21-1-2-3-1000");
        let groups: Groups = [Group::new(own, attributes, GroupSource::Account)]
            .into_iter()
            .collect();
        assert_eq!(groups.is_member(&own), allows, "{attributes:?}");
        assert_eq!(groups.is_denied_by(&own), denies, "{attributes:?}");
        assert!(groups.contains(&own));
    }
}

#[test]
fn the_account_counts_as_a_member_and_is_shown_escaped() {
    let name = AccountName {
        user: "ali\nce".into(),
        domain: "EXAMPLE".into(),
    };
    let mut who = Authorization::new(Evidence::Pac(PacSignatures::server()), name);
    let own = sid("S-1-5-21-1-2-3-1103");
    assert!(!who.is_member(&own));
    who.user = Some(own);
    assert!(who.is_member(&own) && who.is_denied_by(&own));
    assert!(!who.is_member(&sid("S-1-5-21-1-2-3-1104")));
    let text = who.to_string();
    assert!(!text.contains('\n'), "{text}");
    assert!(
        text.contains("S-1-5-21-1-2-3-1103") && text.contains("(server)"),
        "{text}"
    );
}
