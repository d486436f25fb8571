//! The groups of a client: hundreds, searched without allocation.

use bitflags::bitflags;

use crate::sid::Sid;

bitflags! {
    /// What a membership is good for (MS-PAC 2.2.1, `SE_GROUP_*`). Bits that
    /// are not named here are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct GroupAttributes: u32 {
        /// Cannot be switched off.
        const MANDATORY = 0x1;
        /// Is on unless switched off.
        const ENABLED_BY_DEFAULT = 0x2;
        /// Is on: without it the group gives nothing.
        const ENABLED = 0x4;
        /// May own objects.
        const OWNER = 0x8;
        /// Denies, and never allows.
        const USE_FOR_DENY_ONLY = 0x10;
        /// A group of the server's own domain.
        const RESOURCE = 0x2000_0000;
        const _ = !0;
    }
}

impl GroupAttributes {
    /// What KDCs give an ordinary group: mandatory and enabled.
    pub const ORDINARY: Self = Self::MANDATORY
        .union(Self::ENABLED_BY_DEFAULT)
        .union(Self::ENABLED);

    fn allows(self) -> bool {
        self.contains(Self::ENABLED) && !self.contains(Self::USE_FOR_DENY_ONLY)
    }

    fn denies(self) -> bool {
        self.intersects(Self::ENABLED | Self::USE_FOR_DENY_ONLY)
    }
}

/// A group that a client is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// Which.
    pub sid: Sid,
    /// What the membership is good for.
    pub attributes: GroupAttributes,
    /// Which list says so.
    pub source: GroupSource,
}

impl Group {
    /// For backends: a membership as a directory tells it.
    #[must_use]
    pub fn new(sid: Sid, attributes: GroupAttributes, source: GroupSource) -> Self {
        Self {
            sid,
            attributes,
            source,
        }
    }
}

/// The list that a group comes from (MS-PAC 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupSource {
    /// The client's own domain (GroupIds).
    Account,
    /// SIDs of other domains and well-known ones (ExtraSids).
    Extra,
    /// Domain-local groups of the server's domain (ResourceGroupIds).
    Resource,
    /// The operating system or a source of accounts, which does not tell.
    Undisclosed,
}

/// The groups of a client, in the order in which the directory has them.
///
/// Groups of one domain that follow each other share its SID, so that 400
/// memberships take 3 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    runs: Vec<Run>,
    /// Relative identifier and attributes.
    members: Vec<(u32, GroupAttributes)>,
}

/// Groups that differ in their relative identifier alone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    /// The first of them.
    first: Sid,
    source: GroupSource,
    /// Where in `members` they end.
    end: usize,
}

impl Groups {
    /// For backends: room for so many.
    pub fn reserve(&mut self, groups: usize) {
        self.members.reserve(groups);
    }

    /// For backends: one more.
    pub fn push(&mut self, group: Group) {
        let Group {
            sid,
            attributes,
            source,
        } = group;
        self.members.push((sid.rid(), attributes));
        let end = self.members.len();
        match self.runs.last_mut() {
            Some(run) if run.source == source && run.first.is_beside(&sid) => run.end = end,
            _ => self.runs.push(Run {
                first: sid,
                source,
                end,
            }),
        }
    }

    /// Groups of one domain. `None` for a domain whose SID leaves no room for
    /// a relative identifier.
    pub(crate) fn extend_domain(
        &mut self,
        domain: Sid,
        members: &[(u32, GroupAttributes)],
        source: GroupSource,
    ) -> Option<()> {
        let Some((&(rid, attributes), others)) = members.split_first() else {
            return Some(());
        };
        self.members.reserve(members.len());
        self.push(Group::new(domain.with_rid(rid)?, attributes, source));
        // They are beside the first, and so of its run.
        self.members.extend_from_slice(others);
        self.runs.last_mut()?.end = self.members.len();
        Some(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// All of them.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            groups: self,
            run: 0,
            next: 0,
        }
    }

    /// Whether membership in `sid` allows: the group is there, is enabled and
    /// not for denying only.
    #[must_use]
    pub fn is_member(&self, sid: &Sid) -> bool {
        self.attributes_of(sid).any(GroupAttributes::allows)
    }

    /// Whether membership in `sid` denies: the group is there, and enabled or
    /// for denying only.
    #[must_use]
    pub fn is_denied_by(&self, sid: &Sid) -> bool {
        self.attributes_of(sid).any(GroupAttributes::denies)
    }

    /// Whether the group is there, whatever its attributes.
    #[must_use]
    pub fn contains(&self, sid: &Sid) -> bool {
        self.attributes_of(sid).next().is_some()
    }

    fn attributes_of(&self, sid: &Sid) -> impl Iterator<Item = GroupAttributes> {
        let rid = sid.rid();
        self.runs()
            .filter(move |(run, _)| run.first.is_beside(sid))
            .flat_map(|(_, members)| members)
            .filter(move |(member, _)| *member == rid)
            .map(|(_, attributes)| *attributes)
    }

    fn runs(&self) -> impl Iterator<Item = (&Run, &[(u32, GroupAttributes)])> {
        let mut start = 0;
        self.runs.iter().map(move |run| {
            let members = self.members.get(start..run.end).unwrap_or_default();
            start = run.end;
            (run, members)
        })
    }
}

impl Extend<Group> for Groups {
    fn extend<I: IntoIterator<Item = Group>>(&mut self, groups: I) {
        groups.into_iter().for_each(|group| self.push(group));
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        let mut all = Self::default();
        all.extend(groups);
        all
    }
}

impl<'a> IntoIterator for &'a Groups {
    type Item = Group;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The groups of a client, one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    groups: &'a Groups,
    run: usize,
    next: usize,
}

impl Iterator for Iter<'_> {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let (rid, attributes) = *self.groups.members.get(self.next)?;
        let mut run = self.groups.runs.get(self.run)?;
        if self.next >= run.end {
            self.run += 1;
            run = self.groups.runs.get(self.run)?;
        }
        self.next += 1;
        Some(Group::new(run.first.beside(rid), attributes, run.source))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.groups.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
