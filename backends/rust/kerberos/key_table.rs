//! The table of a keytab's keys, in which a ticket's key is found (rules 4
//! and 6).

use core::hash::{BuildHasher, Hasher};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, RandomState};

use crate::etype::EncryptionType;
use crate::keytab::{Entry, KvnoWidth};
use crate::name::Principal;

/// A key of a [`KeyTable`], with what the caller made of it.
#[derive(Clone, Debug)]
pub(crate) struct Key<K> {
    owner: u32,
    /// The version number, as far as the entry held it.
    pub(crate) kvno: u32,
    /// How far that is.
    pub(crate) kvno_width: KvnoWidth,
    /// What the key is for.
    pub(crate) etype: EncryptionType,
    /// When it was written.
    pub(crate) timestamp: u32,
    /// What was derived from it.
    pub(crate) payload: K,
}

/// The keys of a keytab, found by name, encryption type and version number.
/// No search grows with the number of entries (rule 6).
#[derive(Clone, Debug)]
pub(crate) struct KeyTable<K> {
    /// In the order of the file.
    keys: Vec<Key<K>>,
    principals: Vec<Principal>,
    /// Hash of a name to the principals that have it (nearly always one).
    by_name: HashMap<u64, Indexes, BuildHasherDefault<AlreadyHashed>>,
    /// Principal, etype and kvno to keys.
    exact: HashMap<(u32, i32, u32), Indexes, OwnNumbers>,
    /// A principal's keys, the newest first.
    by_principal: Vec<Indexes>,
    by_principal_and_etype: HashMap<(u32, i32), Indexes, OwnNumbers>,
    by_etype: HashMap<i32, Indexes>,
    /// What names are hashed with.
    seeds: [u64; 2],
}

impl<K> KeyTable<K> {
    /// The table of `entries`; `derive` makes of each what is kept.
    pub(crate) fn build(entries: &[Entry], mut derive: impl FnMut(&Entry) -> K) -> Self {
        let seed = RandomState::new();
        let mut table = Self {
            keys: Vec::with_capacity(entries.len()),
            principals: Vec::new(),
            by_name: HashMap::default(),
            exact: HashMap::default(),
            by_principal: Vec::new(),
            by_principal_and_etype: HashMap::default(),
            by_etype: HashMap::new(),
            seeds: [0, 1].map(|number: u64| seed.hash_one(number)),
        };
        for entry in entries {
            let payload = derive(entry);
            table.insert(entry, payload);
        }
        for list in table
            .by_principal
            .iter_mut()
            .chain(table.by_principal_and_etype.values_mut())
        {
            newest_first(list.as_mut_slice(), &table.keys);
        }
        table
    }

    fn insert(&mut self, entry: &Entry, payload: K) {
        let Entry {
            kvno,
            kvno_width,
            etype,
            timestamp,
            ..
        } = *entry;
        let owner = self.intern(&entry.principal);
        let index = index_of(self.keys.len());
        self.keys.push(Key {
            owner,
            kvno,
            kvno_width,
            etype,
            timestamp,
            payload,
        });
        self.exact
            .entry((owner, etype.0, kvno))
            .or_default()
            .push(index);
        self.by_principal_and_etype
            .entry((owner, etype.0))
            .or_default()
            .push(index);
        self.by_etype.entry(etype.0).or_default().push(index);
        if let Some(own) = self.by_principal.get_mut(owner as usize) {
            own.push(index);
        }
    }

    fn intern(&mut self, principal: &Principal) -> u32 {
        if let Some(known) = self.index(principal.realm(), principal.components()) {
            return known;
        }
        let index = index_of(self.principals.len());
        let hash = self.hash(principal.realm(), principal.components());
        self.by_name.entry(hash).or_default().push(index);
        self.principals.push(principal.clone());
        self.by_principal.push(Indexes::default());
        index
    }

    fn hash<'n>(&self, realm: &'n [u8], components: impl Iterator<Item = &'n [u8]>) -> u64 {
        let [start, seed] = self.seeds;
        let realm = hash_of(realm, start, seed);
        components.fold(realm, |hash, part| hash_of(part, hash, seed))
    }

    /// Takes the iterator like any other function of names.
    #[allow(clippy::needless_pass_by_value)]
    fn index<'n, C>(&self, realm: &'n [u8], components: C) -> Option<u32>
    where
        C: Iterator<Item = &'n [u8]> + Clone,
    {
        let candidates = self.by_name.get(&self.hash(realm, components.clone()))?;
        candidates.as_slice().iter().copied().find(|&index| {
            self.principals
                .get(index as usize)
                .is_some_and(|principal| {
                    principal.realm() == realm && principal.components().eq(components.clone())
                })
        })
    }

    /// The keys of the principal with this realm and these components, byte
    /// for byte.
    pub(crate) fn principal<'t, 'n, C>(
        &'t self,
        realm: &'n [u8],
        components: C,
    ) -> Option<PrincipalKeys<'t, K>>
    where
        C: Iterator<Item = &'n [u8]> + Clone,
    {
        self.index(realm, components)
            .map(|index| PrincipalKeys { table: self, index })
    }

    /// All principals, in the order of their first entry.
    pub(crate) fn principals(&self) -> impl Iterator<Item = PrincipalKeys<'_, K>> {
        (0..index_of(self.principals.len())).map(|index| PrincipalKeys { table: self, index })
    }

    /// At most `limit` keys of `etype` whoever they belong to, in the order
    /// of the file: for a ticket whose name no entry has (rule 4).
    pub(crate) fn of_etype(
        &self,
        etype: EncryptionType,
        limit: usize,
    ) -> impl Iterator<Item = &Key<K>> {
        self.listed(self.by_etype.get(&etype.0)).take(limit)
    }

    /// Whose key `key` is.
    pub(crate) fn owner(&self, key: &Key<K>) -> Option<&Principal> {
        self.principals.get(key.owner as usize)
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    fn listed<'t>(&'t self, list: Option<&'t Indexes>) -> impl Iterator<Item = &'t Key<K>> {
        list.map_or(&[][..], Indexes::as_slice)
            .iter()
            .filter_map(|&index| self.keys.get(index as usize))
    }
}

/// Places in a table, nearly always one: that is kept here, where whoever
/// looks for it has come to.
#[derive(Clone, Debug)]
enum Indexes {
    One(u32),
    Other(Vec<u32>),
}

impl Default for Indexes {
    fn default() -> Self {
        Self::Other(Vec::new())
    }
}

impl Indexes {
    fn push(&mut self, index: u32) {
        match self {
            Self::Other(list) if list.is_empty() => *self = Self::One(index),
            Self::One(first) => *self = Self::Other(vec![*first, index]),
            Self::Other(list) => list.push(index),
        }
    }

    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(index) => core::slice::from_ref(index),
            Self::Other(list) => list,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [u32] {
        match self {
            Self::One(index) => core::slice::from_mut(index),
            Self::Other(list) => list,
        }
    }
}

/// The keys of one principal.
#[derive(Debug)]
pub(crate) struct PrincipalKeys<'t, K> {
    table: &'t KeyTable<K>,
    index: u32,
}

impl<'t, K> PrincipalKeys<'t, K> {
    /// The principal, with the realm and name type of its first entry.
    pub(crate) fn principal(&self) -> Option<&'t Principal> {
        self.table.principals.get(self.index as usize)
    }

    /// The keys of this etype and version: those whose number is the same in
    /// all 32 bits, else those that hold only 8 bits of theirs and agree in
    /// these (an RODC's version is above 2^16, MS-KILE 3.1.5.8). MIT krb5
    /// would take a full number that fits into 8 bits as well.
    pub(crate) fn exact(
        &self,
        etype: EncryptionType,
        kvno: u32,
    ) -> impl Iterator<Item = &'t Key<K>> + use<'t, K> {
        let find = |kvno: u32| self.table.exact.get(&(self.index, etype.0, kvno));
        let (list, only_low8) = match find(kvno) {
            Some(list) => (Some(list), false),
            None => (find(kvno & 0xFF), true),
        };
        self.table
            .listed(list)
            .filter(move |key| !only_low8 || key.kvno_width == KvnoWidth::Low8)
    }

    /// The keys of this etype, the newest first.
    pub(crate) fn of_etype(
        &self,
        etype: EncryptionType,
    ) -> impl Iterator<Item = &'t Key<K>> + use<'t, K> {
        self.table.listed(
            self.table
                .by_principal_and_etype
                .get(&(self.index, etype.0)),
        )
    }

    /// All keys, the newest first: what an error or a description names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'t Key<K>> + use<'t, K> {
        self.table
            .listed(self.table.by_principal.get(self.index as usize))
    }
}

/// The hash of a part of a name after those before it: its words, each
/// multiplied into the hash. A client chooses the names that it looks for, and
/// not those that are here: whatever it sends, it finds no more names in its
/// way than the keytab has under one hash, which by the seeds are as good as
/// never two. That is all that is asked of it, at a tenth of the time of the
/// standard library's.
fn hash_of(part: &[u8], hash: u64, seed: u64) -> u64 {
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(seed | 1);
        #[allow(clippy::cast_possible_truncation)] // both halves are in there
        let folded = (product ^ product >> 64) as u64;
        folded
    };
    let (words, rest) = part.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let hash = words.fold(hash, mix);
    let last = rest
        .iter()
        .fold(0, |last, byte| last << 8 | u64::from(*byte));
    // The length, which is above the seven octets, so that zeros count.
    mix(hash, last | (part.len() as u64) << 56)
}

/// A keytab of more entries does not fit into memory.
fn index_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Sorts by version number. A number below 128 that is not older than one
/// from 241 to 255 has wrapped at 8 bits and counts as higher (MIT krb5's
/// `more_recent`, made into a total order).
fn newest_first<K>(list: &mut [u32], keys: &[Key<K>]) {
    let key = |index: u32| keys.get(index as usize);
    let before_wrap = list
        .iter()
        .filter_map(|&index| key(index))
        .filter(|key| (241..=255).contains(&key.kvno))
        .map(|key| key.timestamp)
        .min();
    let rank = |index: u32| {
        key(index).map(|key| {
            let wrapped = key.kvno < 128 && before_wrap.is_some_and(|at| key.timestamp >= at);
            (
                u64::from(key.kvno) + if wrapped { 256 } else { 0 },
                key.timestamp,
            )
        })
    };
    // Stable: entries that rank the same stay in the file's order.
    list.sort_by_key(|&index| core::cmp::Reverse(rank(index)));
}

/// What is in these tables is the keytab's alone: whatever number a client
/// looks for, it finds no more entries in its way than the server put there.
type OwnNumbers = BuildHasherDefault<Mixed>;

/// Numbers made into a hash: spread, and no more.
#[derive(Clone, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // The golden ratio of 2^64, as in Knuth's multiplicative hashing.
        let mixed = self.0.rotate_left(32) ^ u64::from(number);
        self.0 = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_i32(&mut self, number: i32) {
        self.write_u32(number.cast_unsigned());
    }
}

/// Takes a number that is a hash already for the hash.
#[derive(Clone, Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
