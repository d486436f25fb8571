//! What must be nowhere but where it belongs.

/// The keys of a keytab in version 2, by MIT's description of the format.
pub fn keys_of(keytab: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut at = 2;
    let short = |at: usize| usize::from(u16::from_be_bytes([keytab[at], keytab[at + 1]]));
    while at + 4 <= keytab.len() {
        let size = u32::from_be_bytes(keytab[at..at + 4].try_into().expect("four"));
        at += 4;
        let end = at + size as usize;
        let components = short(at);
        at += 2;
        // The realm and the components.
        for _ in 0..=components {
            at += 2 + short(at);
        }
        // Name type, time, version; then the type of the key.
        at += 4 + 4 + 1 + 2;
        let length = short(at);
        keys.push(keytab[at + 2..at + 2 + length].to_vec());
        at = end;
    }
    keys
}
