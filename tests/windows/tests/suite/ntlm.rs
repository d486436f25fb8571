//! NTLM on Wine: Samba's `ntlm_auth`, which asks the winbind of a machine that is a member of a
//! domain. Without one nobody comes in, and it is said.

use gss_acceptor::backends::{WindowsPackage, windows};
use gss_acceptor::{Acceptor, AcceptorConfig, Credentials, Error, Mechanism, Step};

/// NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1): Unicode, sign, seal, NTLM, extended session security.
fn negotiate() -> Vec<u8> {
    let flags: u32 = 0x0008_0235 | 0x2000_0000;
    let mut token = b"NTLMSSP\0\x01\0\0\0".to_vec();
    token.extend(flags.to_le_bytes());
    token.extend([0; 16]);
    token
}

#[test]
fn ntlm_without_winbind_lets_nobody_in() {
    for package in [WindowsPackage::Ntlm, WindowsPackage::Negotiate] {
        let backend = windows(Credentials::SystemDefault).package(package);
        let config = AcceptorConfig::builder(backend)
            .mechanisms(&[Mechanism::Ntlm])
            .build();
        let config = match config {
            Ok(config) => config,
            Err(error) => {
                println!("{package:?}: {error}");
                assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
                continue;
            }
        };
        let mut acceptor = Acceptor::new(&config);
        let failure = match acceptor.step(&negotiate()) {
            Err(failure) => failure,
            Ok(Step::Continue { token }) => {
                println!("{package:?}: a challenge of {} bytes", token.len());
                let garbage = b"NTLMSSP\0\x03\0\0\0";
                acceptor.step(garbage).expect_err("nobody comes in")
            }
            Ok(step) => panic!("{package:?}: {step:?}"),
        };
        println!("{package:?}: {failure}");
        assert!(failure.error().misuse().is_none(), "{failure}");
    }
}
