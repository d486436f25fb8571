//! Identifiers that mean the same everywhere (MS-DTYP 2.4.2.4).

use super::{MAX_PARTS, Sid};

/// At compile time: a table entry that is no SID does not build.
const fn known(authority: u64, parts: &[u32]) -> Sid {
    assert!(!parts.is_empty() && parts.len() <= MAX_PARTS);
    match Sid::new(authority, parts) {
        Ok(sid) => sid,
        Err(_) => panic!("a well-known SID has 1 to 15 sub-authorities"),
    }
}

/// Those that applications ask for.
impl Sid {
    /// Nobody (`NULL`).
    pub const NULL: Self = known(0, &[0]);
    /// Everybody, whether authenticated or not (`EVERYONE`).
    pub const EVERYONE: Self = known(1, &[0]);
    /// Who came over the network (`NETWORK`).
    pub const NETWORK: Self = known(5, &[2]);
    /// Who came without a name (`ANONYMOUS`).
    pub const ANONYMOUS: Self = known(5, &[7]);
    /// Who has proved a name (`AUTHENTICATED_USERS`).
    pub const AUTHENTICATED_USERS: Self = known(5, &[11]);
    /// The operating system (`LOCAL_SYSTEM`).
    pub const LOCAL_SYSTEM: Self = known(5, &[18]);
    /// The built-in group of administrators (`BUILTIN_ADMINISTRATORS`). In a
    /// ticket it says who administers the domain controllers, not this server.
    pub const ADMINISTRATORS: Self = known(5, &[32, 544]);
    /// The built-in group of users (`BUILTIN_USERS`).
    pub const USERS: Self = known(5, &[32, 545]);
    /// The built-in group of guests (`BUILTIN_GUESTS`).
    pub const GUESTS: Self = known(5, &[32, 546]);
    /// The client proved its identity to the KDC itself
    /// (`AUTHENTICATION_AUTHORITY_ASSERTED_IDENTITY`).
    pub const AUTHENTICATION_AUTHORITY_ASSERTED_IDENTITY: Self = known(18, &[1]);
    /// A service said who the client is, without a proof of the client's own:
    /// protocol transition, S4U2self (`SERVICE_ASSERTED_IDENTITY`).
    pub const SERVICE_ASSERTED_IDENTITY: Self = known(18, &[2]);
    /// The ticket has claims (`CLAIMS_VALID`).
    pub const CLAIMS_VALID: Self = known(5, &[21, 0, 0, 0, 497]);
    /// The ticket names the client's device too (`COMPOUNDED_AUTHENTICATION`).
    pub const COMPOUNDED_AUTHENTICATION: Self = known(5, &[21, 0, 0, 0, 496]);

    /// The name that MS-DTYP 2.4.2.4 and Windows' own tools have for it, for
    /// people to read: of a SID that is the same everywhere, or of a group or
    /// account that every domain has under the same relative identifier.
    #[must_use]
    pub fn well_known_name(&self) -> Option<&'static str> {
        if let Some((_, name)) = EVERYWHERE.iter().find(|(sid, _)| sid == self) {
            return Some(name);
        }
        // S-1-5-21-a-b-c-rid: three random numbers are a domain's.
        let [21, a, b, c, rid] = *self.sub_authorities() else {
            return None;
        };
        if self.authority() != 5 || (a, b, c) == (0, 0, 0) {
            return None;
        }
        let mut names = IN_A_DOMAIN.iter();
        names
            .find(|(known, _)| *known == rid)
            .map(|(_, name)| *name)
    }
}

const EVERYWHERE: [(Sid, &str); 38] = [
    (Sid::NULL, "Nobody"),
    (Sid::EVERYONE, "Everyone"),
    (known(2, &[0]), "Local"),
    (known(2, &[1]), "Console Logon"),
    (known(3, &[0]), "Creator Owner"),
    (known(3, &[1]), "Creator Group"),
    (known(5, &[1]), "Dialup"),
    (Sid::NETWORK, "Network"),
    (known(5, &[3]), "Batch"),
    (known(5, &[4]), "Interactive"),
    (known(5, &[6]), "Service"),
    (Sid::ANONYMOUS, "Anonymous Logon"),
    (known(5, &[9]), "Enterprise Domain Controllers"),
    (known(5, &[10]), "Self"),
    (Sid::AUTHENTICATED_USERS, "Authenticated Users"),
    (known(5, &[13]), "Terminal Server User"),
    (known(5, &[15]), "This Organization"),
    (Sid::LOCAL_SYSTEM, "Local System"),
    (known(5, &[19]), "Local Service"),
    (known(5, &[20]), "Network Service"),
    (Sid::COMPOUNDED_AUTHENTICATION, "Compounded Authentication"),
    (Sid::CLAIMS_VALID, "Claims Valid"),
    (Sid::ADMINISTRATORS, "Administrators"),
    (Sid::USERS, "Users"),
    (Sid::GUESTS, "Guests"),
    (known(5, &[32, 548]), "Account Operators"),
    (known(5, &[32, 549]), "Server Operators"),
    (known(5, &[32, 550]), "Print Operators"),
    (known(5, &[32, 551]), "Backup Operators"),
    (known(5, &[32, 554]), "Pre-Windows 2000 Compatible Access"),
    (known(5, &[32, 555]), "Remote Desktop Users"),
    (known(5, &[64, 10]), "NTLM Authentication"),
    (known(5, &[65, 1]), "This Organization Certificate"),
    (known(5, &[1000]), "Other Organization"),
    (
        Sid::AUTHENTICATION_AUTHORITY_ASSERTED_IDENTITY,
        "Authentication authority asserted identity",
    ),
    (Sid::SERVICE_ASSERTED_IDENTITY, "Service asserted identity"),
    (known(18, &[3]), "Fresh public key identity"),
    (known(18, &[4]), "Key trust identity"),
];

const IN_A_DOMAIN: [(u32, &str); 20] = [
    (498, "Enterprise Read-only Domain Controllers"),
    (500, "Administrator"),
    (501, "Guest"),
    (502, "krbtgt"),
    (512, "Domain Admins"),
    (513, "Domain Users"),
    (514, "Domain Guests"),
    (515, "Domain Computers"),
    (516, "Domain Controllers"),
    (517, "Cert Publishers"),
    (518, "Schema Admins"),
    (519, "Enterprise Admins"),
    (520, "Group Policy Creator Owners"),
    (521, "Read-only Domain Controllers"),
    (522, "Cloneable Domain Controllers"),
    (525, "Protected Users"),
    (526, "Key Admins"),
    (527, "Enterprise Key Admins"),
    (553, "RAS and IAS Servers"),
    (572, "Denied RODC Password Replication Group"),
];
