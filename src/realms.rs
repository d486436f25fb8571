//! Which paths of realms are trusted (RFC 4120 2.7, 3.3.3.2).

use std::collections::HashMap;

/// Trusted paths between realms, as the `[capaths]` section of krb5.conf has
/// them. Where nothing is said of a pair of realms, the path through the
/// hierarchy of their names is trusted: from `a.example.com` up to
/// `example.com` and down to `b.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capaths {
    /// By the client's and the server's realm: what lies between.
    paths: HashMap<(Realm, Realm), Vec<Realm>>,
}

type Realm = Vec<u8>;

impl Capaths {
    /// No paths but the hierarchical ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the path from `client` to `server` through `intermediates`, in
    /// place of the hierarchical one. An empty list means that the two realms
    /// share a key: no other realm may have been passed.
    #[must_use]
    pub fn path<R: AsRef<[u8]>>(mut self, client: R, server: R, intermediates: &[R]) -> Self {
        let key = (client.as_ref().to_vec(), server.as_ref().to_vec());
        let path = intermediates.iter().map(|realm| realm.as_ref().to_vec());
        self.paths.insert(key, path.collect());
        self
    }

    /// For backends: the realms that may be passed between two, where
    /// something was said of them.
    #[must_use]
    pub fn between(&self, client: &[u8], server: &[u8]) -> Option<&[Vec<u8>]> {
        self.paths
            .get(&(client.to_vec(), server.to_vec()))
            .map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::Capaths;

    #[test]
    fn a_path_is_one_way() {
        let capaths = Capaths::new().path("A", "C", &["B"]);
        assert_eq!(
            capaths.between(b"A", b"C"),
            Some([b"B".to_vec()].as_slice())
        );
        assert_eq!(capaths.between(b"C", b"A"), None);
    }
}
