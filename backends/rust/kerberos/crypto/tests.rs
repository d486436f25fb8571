//! The published vectors, and what the vectors do not cover: damage, lengths,
//! wiping. Expected values are those of the RFCs' appendices and of MIT krb5's
//! own test tables (`src/lib/crypto/crypto_tests`), named at each table.

use crate::hex::hex;
use core::marker::PhantomData;
use core::num::NonZeroU32;

use ::hmac::{Hmac, Mac as _};
use aes::cipher::array::ArraySize;
use aes::cipher::consts::{U1, U2, U4, U8, U16, U30, U64};
use aes::cipher::inout::InOut;
use aes::cipher::{
    Array, Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt,
    BlockModeEncrypt as _, BlockSizeUser, InnerIvInit as _, KeyInit, ParBlocksSizeUser,
};
use aes::{Aes128, Aes256};
use sha1::Sha1;

use super::aes_sha2::{Aes128Sha256, Aes256Sha384};
use super::hmac::{self, Sha384};
use super::mac::{Keyed as _, Sum as _};
use super::nfold::n_fold;
use super::{CryptoError, Key, aes_sha1, aes_sha2, cts, string_to_key};
use crate::etype::EncryptionType;
use crate::secret::Secret;

const ETYPES: [i32; 4] = [17, 18, 19, 20];

fn key(etype: i32, bytes: &str) -> Key {
    Key::new(EncryptionType(etype), Secret::from(hex(bytes))).unwrap()
}

fn some_key(etype: i32) -> Key {
    Key::generate(EncryptionType(etype), &mut counting()).unwrap()
}

/// "Random" bytes that count up from 1.
fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |out| {
        for byte in out {
            next = next.wrapping_add(1);
            *byte = next;
        }
    }
}

/// RFC 3961 A.1.
#[test]
fn n_fold_gives_the_published_values() {
    fn check<const N: usize>(input: &str, expected: &str) {
        assert_eq!(
            n_fold::<N>(input.as_bytes()).to_vec(),
            hex(expected),
            "{input}"
        );
    }
    check::<8>("012345", "be072631276b1955");
    check::<7>("password", "78a07b6caf85fa");
    check::<8>("Rough Consensus, and Running Code", "bb6ed30870b7f0e0");
    check::<21>("password", "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e");
    check::<24>(
        "MASSACHVSETTS INSTITVTE OF TECHNOLOGY",
        "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b",
    );
    check::<21>("Q", "518a54a215a8452a518a54a215a8452a518a54a215");
    check::<21>("ba", "fb25d531ae8974499f52fd92ea9857c4ba24cf297e");
    check::<8>("kerberos", "6b65726265726f73");
    check::<16>("kerberos", "6b65726265726f737b9b5b2b93132b93");
    check::<21>("kerberos", "8372c236344e5f1550cd0747e15d62ca7a5a3bcea4");
    check::<32>(
        "kerberos",
        "6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4",
    );
}

/// RFC 3961 A.3's derivations are for DES3 alone, but their n-folded constants
/// are the simplified profile's: usage 1, Ki and Ke.
#[test]
fn n_fold_of_a_key_usage_is_that_of_rfc_3961() {
    assert_eq!(
        n_fold::<8>(&hex("0000000155")).to_vec(),
        hex("00055780df9aa800")
    );
    assert_eq!(
        n_fold::<8>(&hex("00000001aa")).to_vec(),
        hex("0006ac606f2d5000")
    );
}

/// RFC 3962 B, first table: password, salt, iterations, and the keys before
/// and after DK(tkey, "kerberos"). The first AES-128 column is the beginning of
/// the AES-256 one.
#[test]
fn passwords_give_the_keys_of_rfc_3962() {
    const SALT: &[u8] = b"ATHENA.MIT.EDUraeburn";
    type Row<'a> = (&'a [u8], &'a [u8], u32, &'a str, &'a str, &'a str);
    let rows: [Row<'_>; 7] = [
        (
            b"password",
            SALT,
            1,
            "cdedb5281bb2f801565a1122b25635150ad1f7a04bb9f3a333ecc0e2e1f70837",
            "42263c6e89f4fc28b8df68ee09799f15",
            "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
        ),
        (
            b"password",
            SALT,
            2,
            "01dbee7f4a9e243e988b62c73cda935da05378b93244ec8f48a99e61ad799d86",
            "c651bf29e2300ac27fa469d693bdda13",
            "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff",
        ),
        (
            b"password",
            SALT,
            1200,
            "5c08eb61fdf71e4e4ec3cf6ba1f5512ba7e52ddbc5e5142f708a31e2e62b1e13",
            "4c01cd46d632d01e6dbe230a01ed642a",
            "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a",
        ),
        (
            b"password",
            &[0x12, 0x34, 0x56, 0x78, 0x78, 0x56, 0x34, 0x12],
            5,
            "d1daa78615f287e6a1c8b120d7062a493f98d203e6be49a6adf4fa574b6e64ee",
            "e9b23d52273747dd5c35cb55be619d8e",
            "97a4e786be20d81a382d5ebc96d5909cabcdadc87ca48f574504159f16c36e31",
        ),
        (
            &[b'X'; 64],
            b"pass phrase equals block size",
            1200,
            "139c30c0966bc32ba55fdbf212530ac9c5ec59f1a452f5cc9ad940fea0598ed1",
            "59d1bb789a828b1aa54ef9c2883f69ed",
            "89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34",
        ),
        (
            &[b'X'; 65],
            b"pass phrase exceeds block size",
            1200,
            "9ccad6d468770cd51b10e6a68721be611a8b4d282601db3b36be9246915ec82a",
            "cb8005dc5f90179a7f02104c0018751d",
            "d78c5c9cb872a8c9dad4697f0bb5b2d21496c82beb2caeda2112fceea057401b",
        ),
        (
            "\u{1d11e}".as_bytes(),
            b"EXAMPLE.COMpianist",
            50,
            "6b9cf26d45455a43a5b8bb276a403b39e7fe37a0c41e02c281ff3069e1e94f52",
            "f149c1f2e154a73452d43e7fe62a56e5",
            "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e",
        ),
    ];
    for (password, salt, iterations, stretched, aes128, aes256) in rows {
        let stretched = hex(stretched);
        let mut derived = [0; 32];
        aes_sha1::derive_named::<Aes128>(&stretched[..16], b"kerberos", &mut derived[..16]);
        assert_eq!(derived[..16], hex(aes128), "DK, AES-128, {iterations}");
        aes_sha1::derive_named::<Aes256>(&stretched, b"kerberos", &mut derived);
        assert_eq!(derived[..], hex(aes256), "DK, AES-256, {iterations}");

        let iterations = NonZeroU32::new(iterations);
        for (etype, expected) in [(17, aes128), (18, aes256)] {
            let key = string_to_key(EncryptionType(etype), password, salt, iterations).unwrap();
            assert_eq!(key.expose(), hex(expected));
        }
    }
}

/// RFC 8009 A, "Sample results for string-to-key conversion"; 32768 iterations
/// are the default.
#[test]
fn passwords_give_the_keys_of_rfc_8009() {
    let mut salt = hex("10 DF 9D D7 83 E5 BC 8A CE A1 73 0E 74 35 5F 61");
    salt.extend_from_slice(b"ATHENA.MIT.EDUraeburn");
    let rows = [
        (19, "08 9B CA 48 B1 05 EA 6E A7 7C A5 D2 F3 9D C5 E7"),
        (
            20,
            "45 BD 80 6D BF 6A 83 3A 9C FF C1 C9 45 89 A2 22
             36 7A 79 BC 21 C4 13 71 89 06 E9 F5 78 A7 84 67",
        ),
    ];
    for (etype, expected) in rows {
        let key = string_to_key(EncryptionType(etype), b"password", &salt, None).unwrap();
        assert_eq!(key.expose(), hex(expected));
        assert_eq!(key.etype(), EncryptionType(etype));
    }
}

#[test]
fn string_to_key_is_bounded_and_knows_its_defaults() {
    let stretch = |etype, count| {
        string_to_key(EncryptionType(etype), b"x", b"y", NonZeroU32::new(count))
            .map(|key| key.to_secret())
    };
    assert_eq!(stretch(18, 0), stretch(18, 4096));
    assert_eq!(
        stretch(18, (1 << 24) + 1),
        Err(CryptoError::Iterations {
            limit: 1 << 24,
            found: (1 << 24) + 1
        })
    );
    assert_eq!(
        stretch(16, 1),
        Err(CryptoError::UnsupportedEtype(EncryptionType(16)))
    );
}

/// RFC 3962 B, second table: "chicken teriyaki", initial vector zero.
#[test]
fn ciphertext_stealing_gives_the_published_values() {
    const TEXT: &[u8] = b"I would like the General Gau's Chicken, please, and wonton soup.";
    let rows = [
        (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
        (
            31,
            "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
        ),
        (
            32,
            "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
        ),
        (
            47,
            "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e
             39312523a78662d5be7fcbcc98ebf5",
        ),
        (
            48,
            "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd8
             39312523a78662d5be7fcbcc98ebf5a8",
        ),
        (
            64,
            "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8
             4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
        ),
    ];
    let aes = Aes128::new_from_slice(b"chicken teriyaki").unwrap();
    for (len, expected) in rows {
        let signed_first: fn(&Aes128, &mut [u8]) =
            |aes, buf| cts::sign_and_encrypt(aes, &keyed(), buf, &mut [0; 12]);
        for encrypt in [signed_first, |aes, buf| {
            cts::encrypt_and_sign(aes, &mut keyed(), buf);
        }] {
            let mut buf = TEXT[..len].to_vec();
            encrypt(&aes, &mut buf);
            assert_eq!(buf, hex(expected), "{len} bytes");
            cts::decrypt(&aes, &mut buf);
            assert_eq!(buf, TEXT[..len], "{len} bytes");
        }
    }
}

fn keyed() -> Hmac<Sha1> {
    <Hmac<Sha1> as KeyInit>::new_from_slice(b"a key").unwrap()
}

/// Encrypting and signing go along in steps; what comes of it is what one
/// after the other gives, written down from RFC 3962 5: CBC over the text
/// padded with zeros, the last two blocks swapped, cut to the text's length.
#[test]
fn the_steps_of_encryption_leave_no_trace() {
    let aes = Aes128::new_from_slice(b"chicken teriyaki").unwrap();
    let text: Vec<u8> = (0_u32..66_000)
        .map(|at| (at.wrapping_mul(at) >> 7) as u8)
        .collect();
    let around_many = (1010..1070).chain(2030..2090);
    // Around three to five parts of 1024 bytes behind the first 112, from
    // where on SHA-384 is taken by parts.
    let around_parts = (3170..3220).chain(4200..4240).chain(5220..5270);
    let long = [4095, 4096, 4097, 65_535, 65_536, 65_568];
    for len in (16..700).chain(around_many).chain(around_parts).chain(long) {
        let text = &text[..len];
        let mut blocks: Vec<Array<u8, U16>> = text
            .chunks(16)
            .map(|block| {
                let mut padded = Array::default();
                padded[..block.len()].copy_from_slice(block);
                padded
            })
            .collect();
        cbc::Encryptor::inner_iv_init(&aes, &Array::default()).encrypt_blocks(&mut blocks);
        if let [.., before, last] = blocks.as_mut_slice() {
            core::mem::swap(before, last);
        }
        let cipher = &blocks.concat()[..len];
        let mac = |signed: &[u8]| keyed().chain_update(signed).finalize().into_bytes();

        let (mut buf, mut tag) = (text.to_vec(), [0; 20]);
        cts::sign_and_encrypt(&aes, &keyed(), &mut buf, &mut tag);
        assert_eq!(buf, cipher, "{len} bytes");
        assert_eq!(tag, *mac(text), "{len} bytes");

        let mut tag = keyed();
        cts::decrypt_and_sign(&aes, &mut tag, &mut buf);
        assert_eq!(buf, text, "{len} bytes");
        assert_eq!(tag.finalize().into_bytes(), mac(text), "{len} bytes");

        let (mut buf, mut tag) = (text.to_vec(), keyed());
        cts::encrypt_and_sign(&aes, &mut tag, &mut buf);
        assert_eq!(buf, cipher, "{len} bytes");
        assert_eq!(tag.finalize().into_bytes(), mac(cipher), "{len} bytes");

        cts::decrypt(&aes, &mut buf);
        assert_eq!(buf, text, "{len} bytes");

        // In steps of the longer blocks of SHA-384, of which it has one part;
        // and if it does not.
        let other = <Hmac<sha2::Sha384> as KeyInit>::new_from_slice(b"a key").unwrap();
        let prefixes: &[usize] = if (3000..70_000).contains(&len) {
            &[16, 17]
        } else {
            &[16]
        };
        for &prefix in prefixes {
            let longer = hmac::Hmac::<Sha384>::new(b"a key");
            let (mut buf, mut sum) = (text.to_vec(), longer.sum());
            sum.update(&[0; 20][..prefix]);
            cts::encrypt_and_sign(&aes, &mut sum, &mut buf);
            let mut tag = [0; 48];
            longer.finish(sum, &mut tag);
            assert_eq!(buf, cipher, "{len} bytes");
            let signed = other.clone().chain_update(&[0; 20][..prefix]);
            let mac = signed.chain_update(cipher).finalize();
            assert_eq!(tag, *mac.into_bytes(), "{len} bytes after {prefix}");
        }
    }
}

/// A cipher that does `N` blocks at once: what processors other than this one do.
struct AtOnce<'a, N>(&'a Aes128, PhantomData<N>);

impl<N> BlockSizeUser for AtOnce<'_, N> {
    type BlockSize = U16;
}

impl<N: ArraySize> ParBlocksSizeUser for AtOnce<'_, N> {
    type ParBlocksSize = N;
}

impl<N: ArraySize> BlockCipherDecrypt for AtOnce<'_, N> {
    fn decrypt_with_backend(&self, work: impl BlockCipherDecClosure<BlockSize = U16>) {
        work.call(self);
    }
}

impl<N: ArraySize> BlockCipherDecBackend for AtOnce<'_, N> {
    fn decrypt_block(&self, block: InOut<'_, '_, Block<Self>>) {
        self.0.decrypt_block_inout(block);
    }
}

/// What is sealed in order is opened whatever a processor does side by side.
#[test]
fn every_width_opens_the_same() {
    fn check<N: ArraySize>(cipher: &[u8], text: &[u8]) {
        let aes = Aes128::new_from_slice(b"chicken teriyaki").unwrap();
        let wide = AtOnce::<N>(&aes, PhantomData);
        let (mut buf, mut tag) = (cipher.to_vec(), keyed());
        cts::decrypt_and_sign(&wide, &mut tag, &mut buf);
        assert_eq!(buf, text, "{} at once, {} bytes", N::USIZE, text.len());
        let mac = keyed().chain_update(text).finalize().into_bytes();
        assert_eq!(tag.finalize().into_bytes(), mac, "{} at once", N::USIZE);
        let mut buf = cipher.to_vec();
        cts::decrypt(&wide, &mut buf);
        assert_eq!(buf, text, "{} at once, {} bytes", N::USIZE, text.len());
    }
    let aes = Aes128::new_from_slice(b"chicken teriyaki").unwrap();
    let text: Vec<u8> = (0_u32..5000).map(|at| ((at * at) >> 5) as u8).collect();
    let long = (940..1110).chain(1900..2100).chain([3071, 3072, 4999]);
    for text in (16..100).chain(long).map(|len| &text[..len]) {
        let mut cipher = text.to_vec();
        cts::sign_and_encrypt(&aes, &keyed(), &mut cipher, &mut [0; 12]);
        check::<U1>(&cipher, text);
        check::<U2>(&cipher, text);
        check::<U4>(&cipher, text);
        check::<U8>(&cipher, text);
        check::<U30>(&cipher, text);
        check::<U64>(&cipher, text);
    }
}

/// Usage 2, constants 99 (Kc), AA (Ke), 55 (Ki): MIT's `t_derive.c` for etypes
/// 17 and 18, RFC 8009 A "Sample results for key derivation" for 19 and 20.
const DERIVED: [(i32, &str, [&str; 3]); 4] = [
    (
        17,
        "42263c6e89f4fc28b8df68ee09799f15",
        [
            "34280a382bc92769b2da2f9ef066854b",
            "5b14fc4e250e14ddf9dccf1af6674f53",
            "4ed31063621684f09ae8d89991af3e8f",
        ],
    ),
    (
        18,
        "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
        [
            "bfab388bdcb238e9f9c98d6a878304f04d30c82556375ac507a7a852790f4674",
            "c7cfd9cd75fe793a586a542d87e0d1396f1134a104bb1a9190b8c90ada3ddf37",
            "97151b4c76945063e2eb0529dc067d97d7bba90776d8126d91f34f3101aea8ba",
        ],
    ),
    (
        19,
        "37 05 D9 60 80 C1 77 28 A0 E8 00 EA B6 E0 D2 3C",
        [
            "B3 1A 01 8A 48 F5 47 76 F4 03 E9 A3 96 32 5D C3",
            "9B 19 7D D1 E8 C5 60 9D 6E 67 C3 E3 7C 62 C7 2E",
            "9F DA 0E 56 AB 2D 85 E1 56 9A 68 86 96 C2 6A 6C",
        ],
    ),
    (
        20,
        "6D 40 4D 37 FA F7 9F 9D F0 D3 35 68 D3 20 66 98
         00 EB 48 36 47 2E A8 A0 26 D1 6B 71 82 46 0C 52",
        [
            "EF 57 18 BE 86 CC 84 96 3D 8B BB 50 31 E9 F5 C4
             BA 41 F2 8F AF 69 E7 3D",
            "56 AB 22 BE E6 3D 82 D7 BC 52 27 F6 77 3F 8E A7
             A5 EB 1C 82 51 60 C3 83 12 98 0C 44 2E 5C 7E 49",
            "69 B1 65 14 E3 CD 8E 56 B8 20 10 D5 C7 30 12 B6
             22 C4 D0 0F FC 23 ED 1F",
        ],
    ),
];

#[test]
fn usage_keys_are_the_published_ones() {
    for (etype, base, expected) in DERIVED {
        let base = hex(base);
        for (constant, expected) in ["0000000299", "00000002aa", "0000000255"]
            .iter()
            .zip(expected)
        {
            let (constant, expected) = (hex(constant), hex(expected));
            let mut derived = vec![0; expected.len()];
            match etype {
                17 => aes_sha1::derive_named::<Aes128>(&base, &constant, &mut derived),
                18 => aes_sha1::derive_named::<Aes256>(&base, &constant, &mut derived),
                19 => aes_sha2::derive_named::<Aes128Sha256>(&base, &constant, &mut derived),
                _ => aes_sha2::derive_named::<Aes256Sha384>(&base, &constant, &mut derived),
            }
            assert_eq!(derived, expected, "etype {etype}");
        }
    }
}

/// Key, usage, plaintext, confounder where it is published, ciphertext.
type Encryption<'a> = (i32, &'a str, u32, &'a str, Option<&'a str>, &'a str);

/// RFC 8009 A, "Sample encryptions", usage 2.
const RFC_8009_ENCRYPTIONS: [Encryption<'_>; 8] = [
    (
        19,
        DERIVED[2].1,
        2,
        "",
        Some("7E 58 95 EA F2 67 24 35 BA D8 17 F5 45 A3 71 48"),
        "EF 85 FB 89 0B B8 47 2F 4D AB 20 39 4D CA 78 1D
         AD 87 7E DA 39 D5 0C 87 0C 0D 5A 0A 8E 48 C7 18",
    ),
    (
        19,
        DERIVED[2].1,
        2,
        "00 01 02 03 04 05",
        Some("7B CA 28 5E 2F D4 13 0F B5 5B 1A 5C 83 BC 5B 24"),
        "84 D7 F3 07 54 ED 98 7B AB 0B F3 50 6B EB 09 CF
         B5 54 02 CE F7 E6 87 7C E9 9E 24 7E 52 D1 6E D4
         42 1D FD F8 97 6C",
    ),
    (
        19,
        DERIVED[2].1,
        2,
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F",
        Some("56 AB 21 71 3F F6 2C 0A 14 57 20 0F 6F A9 94 8F"),
        "35 17 D6 40 F5 0D DC 8A D3 62 87 22 B3 56 9D 2A
         E0 74 93 FA 82 63 25 40 80 EA 65 C1 00 8E 8F C2
         95 FB 48 52 E7 D8 3E 1E 7C 48 C3 7E EB E6 B0 D3",
    ),
    (
        19,
        DERIVED[2].1,
        2,
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14",
        Some("A7 A4 E2 9A 47 28 CE 10 66 4F B6 4E 49 AD 3F AC"),
        "72 0F 73 B1 8D 98 59 CD 6C CB 43 46 11 5C D3 36
         C7 0F 58 ED C0 C4 43 7C 55 73 54 4C 31 C8 13 BC
         E1 E6 D0 72 C1 86 B3 9A 41 3C 2F 92 CA 9B 83 34
         A2 87 FF CB FC",
    ),
    (
        20,
        DERIVED[3].1,
        2,
        "",
        Some("F7 64 E9 FA 15 C2 76 47 8B 2C 7D 0C 4E 5F 58 E4"),
        "41 F5 3F A5 BF E7 02 6D 91 FA F9 BE 95 91 95 A0
         58 70 72 73 A9 6A 40 F0 A0 19 60 62 1A C6 12 74
         8B 9B BF BE 7E B4 CE 3C",
    ),
    (
        20,
        DERIVED[3].1,
        2,
        "00 01 02 03 04 05",
        Some("B8 0D 32 51 C1 F6 47 14 94 25 6F FE 71 2D 0B 9A"),
        "4E D7 B3 7C 2B CA C8 F7 4F 23 C1 CF 07 E6 2B C7
         B7 5F B3 F6 37 B9 F5 59 C7 F6 64 F6 9E AB 7B 60
         92 23 75 26 EA 0D 1F 61 CB 20 D6 9D 10 F2",
    ),
    (
        20,
        DERIVED[3].1,
        2,
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F",
        Some("53 BF 8A 0D 10 52 65 D4 E2 76 42 86 24 CE 5E 63"),
        "BC 47 FF EC 79 98 EB 91 E8 11 5C F8 D1 9D AC 4B
         BB E2 E1 63 E8 7D D3 7F 49 BE CA 92 02 77 64 F6
         8C F5 1F 14 D7 98 C2 27 3F 35 DF 57 4D 1F 93 2E
         40 C4 FF 25 5B 36 A2 66",
    ),
    (
        20,
        DERIVED[3].1,
        2,
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14",
        Some("76 3E 65 36 7E 86 4F 02 F5 51 53 C7 E3 B5 8A F1"),
        "40 01 3E 2D F5 8E 87 51 95 7D 28 78 BC D2 D6 FE
         10 1C CF D5 56 CB 1E AE 79 DB 3C 3E E8 64 29 F2
         B2 A6 02 AC 86 FE F6 EC B6 47 D6 29 5F AE 07 7A
         1F EB 51 75 08 D2 C1 6B 41 92 E0 1F 62",
    ),
];

/// MIT's `t_decrypt.c`; its confounders are inside.
const MIT_ENCRYPTIONS: [Encryption<'_>; 10] = [
    (
        17,
        "5a5c0f0ba54f3828b2195e66ca24a289",
        0,
        "",
        None,
        "49ff8e11c173d9583a3254fbe7b1f1df36c538e8416784a1672e6676",
    ),
    (
        17,
        "98450e3f3baa13f5c99beb936981b06f",
        1,
        "31",
        None,
        "f86742f537b35dc2174a4dbaa920faf9042090b065e1ebb1cad9a65394",
    ),
    (
        17,
        "9062430c8cda3388922e6d6a509f5b7a",
        2,
        "392062797465737373",
        None,
        "68fb9679601f45c78857b2bf820fd6e53eca8d42fd4b1d7024a09205abb7cd2ec26c355d2f",
    ),
    (
        17,
        "033ee6502c54fd23e27791e987983827",
        3,
        "31332062797465732062797465",
        None,
        "ec366d0327a933bf49330e650e49bc6b974637fe80bf532fe51795b4809718e6194724db948d1fd637",
    ),
    (
        17,
        "dceeb70b3de76562e689226c76429148",
        4,
        "333020627974657320627974657320627974657320627974657320627974",
        None,
        "c96081032d5d8eeb7e32b4089f789d0faa481dea74c0f97cbf3146ddfcf8e800
         156ecb532fc203e30ff600b63b350939fece510f02d7ff1e7bac",
    ),
    (
        18,
        "17f275f2954f2ed1f90c377ba7f4d6a369aa0136e0bf0c927ad6133c693759a9",
        0,
        "",
        None,
        "e5094c55ee7b38262e2b044280b069379a95bf95bd8376fb3281b435",
    ),
    (
        18,
        "b9477e1ff0329c0050e20ce6c72d2dff27e8fe541ab0954429a9cb5b4f7b1e2a",
        1,
        "31",
        None,
        "406150b97aeb76d43b36b62cc1ecdfbe6f40e95755e0beb5c27825f3a4",
    ),
    (
        18,
        "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7",
        2,
        "392062797465737373",
        None,
        "09957aa25fcaf88f7b39e4406e633012d5fea21853f6478da7065caef41fd454a40824eec5",
    ),
    (
        18,
        "e5a72be9b7926c1225bafef9c1872e7ba4cdb2b17893d84abd90acdd8764d966",
        3,
        "31332062797465732062797465",
        None,
        "d8f1aafeec84587cc3e700a774e56651a6d693e174ec4473b5e6d96f80297a653fb818ad893e719f96",
    ),
    (
        18,
        "f1c795e9248a09338d82c3f8d5b567040b0110736845041347235b1404231398",
        4,
        "333020627974657320627974657320627974657320627974657320627974",
        None,
        "d1137a4d634cfece924dbc3bf6790648bd5cff7de0e7b99460211d0daef3d79a
         295c688858f3b34b9cbd6eebae81daf6b734d4d498b6714f1c1d",
    ),
];

#[test]
fn encryption_gives_the_published_ciphertexts_both_ways() {
    for row in RFC_8009_ENCRYPTIONS.into_iter().chain(MIT_ENCRYPTIONS) {
        let (etype, base, usage, plain, confounder, expected) = row;
        let (plain, expected) = (hex(plain), hex(expected));
        let usage_key = key(etype, base).usage_key(usage);

        let mut buf = expected.clone();
        assert_eq!(usage_key.decrypt_in_place(&mut buf).unwrap(), plain);
        let inside = buf[..usage_key.plaintext_at()].to_vec();
        if let Some(published) = confounder {
            assert_eq!(inside, hex(published));
        }
        assert_eq!(
            usage_key.encrypt(&plain, &mut |out| out.copy_from_slice(&inside)),
            expected
        );

        let mut scratch = b"what was here before".to_vec();
        assert_eq!(
            usage_key.decrypt_into(&expected, &mut scratch).unwrap(),
            plain
        );

        // And with a key that is used once.
        let key = key(etype, base);
        let once = key.borrowed();
        let mut buf = expected.clone();
        assert_eq!(once.decrypt_once(usage, &mut buf).unwrap(), plain);
        let (before, behind) = once.room();
        let mut buf = [&vec![0; before][..], &plain, &vec![0; behind]].concat();
        let sealed = once.encrypt_once(usage, &mut buf, &mut |out| out.copy_from_slice(&inside));
        assert_eq!(sealed, Ok(()));
        assert_eq!(buf, expected);
        for at in 0..expected.len() {
            let mut changed = expected.clone();
            changed[at] ^= 1;
            let refused = once.decrypt_once(usage, &mut changed).map(drop);
            assert_eq!(refused, Err(CryptoError::Integrity), "byte {at}");
        }
    }
}

/// MIT's `t_cksums.c` for etypes 17 and 18, RFC 8009 A "Sample checksums" for
/// 19 and 20.
#[test]
fn checksums_are_the_published_ones() {
    type Row<'a> = (i32, &'a str, u32, &'a [u8], i32, &'a str);
    let text = hex("000102030405060708090a0b0c0d0e0f1011121314");
    let rows: [Row<'_>; 4] = [
        (
            17,
            "9062430c8cda3388922e6d6a509f5b7a",
            3,
            b"eight nine ten eleven twelve thirteen",
            15,
            "01a4b088d45628f6946614e3",
        ),
        (
            18,
            "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7",
            4,
            b"fourteen",
            16,
            "e08739e3279e2903ec8e3836",
        ),
        (
            19,
            DERIVED[2].1,
            2,
            &text,
            19,
            "d78367186643d67b411cba9139fc1dee",
        ),
        (
            20,
            DERIVED[3].1,
            2,
            &text,
            20,
            "45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a",
        ),
    ];
    for (etype, base, usage, data, checksum_type, expected) in rows {
        let expected = hex(expected);
        let key = key(etype, base);
        assert_eq!(key.checksum_type(), checksum_type);
        let checksum_key = key.checksum_key(usage);
        assert_eq!(checksum_key.checksum_type(), checksum_type);
        let mut out = vec![0; checksum_key.len()];
        checksum_key
            .sign(&[&data[..3], &data[3..]], &mut out)
            .unwrap();
        assert_eq!(out, expected);
        assert_eq!(checksum_key.verify(&[data], &expected), Ok(()));
        out[0] ^= 1;
        assert_eq!(
            checksum_key.verify(&[data], &out),
            Err(CryptoError::Integrity)
        );
        // A prefix of the right checksum is not the right checksum.
        for len in 0..expected.len() {
            assert_eq!(
                checksum_key.verify(&[data], &expected[..len]),
                Err(CryptoError::Integrity)
            );
        }
        assert!(checksum_key.sign(&[data], &mut out[1..]).is_err());
    }
}

/// MIT's `t_prf.c` for etypes 17 and 18, RFC 8009 A "Sample pseudorandom
/// function (PRF) invocations" for 19 and 20.
#[test]
fn the_pseudo_random_function_gives_the_published_values() {
    const C0: &str = "c01f157211f7b77eaaf457c3e156690127ee127d810ba6392e97baa243eb0616";
    const D5: &str = "9d520d2d980aa7cb6b693682b62da258b333867951642ce647ae62b1e5e0b5e9";
    let rows: [(i32, &str, &[u8], &str); 8] = [
        (
            17,
            "ae272e7cdec86ac5138cdb196d8e297d",
            b"\x01a",
            "77b39a37a868920f2a51f9dd150c5717",
        ),
        (
            17,
            "67ab1cfef35e4c27ffdeac60385a3e9c",
            b"\x01b",
            "e06c0dd31ff02091994f2ef5178bfe3d",
        ),
        (18, C0, b"\x01a", "b2628c788e2e9c4a9bb4644678c29f2f"),
        (18, C0, b"\x02a", "b406373350cee8a6126f4a9b65a0cd21"),
        (18, D5, b"\x01b", "ff0e289ea756c0559a0e911856961a49"),
        (18, D5, b"\x02b", "0d674dd0f9a6806525a4d92e828bd15a"),
        (
            19,
            DERIVED[2].1,
            b"test",
            "9D 18 86 16 F6 38 52 FE 86 91 5B B8 40 B4 A8 86
             FF 3E 6B B0 F8 19 B4 9B 89 33 93 D3 93 85 42 95",
        ),
        (
            20,
            DERIVED[3].1,
            b"test",
            "98 01 F6 9A 36 8C 2B F6 75 E5 95 21 E1 77 D9 A0
             7F 67 EF E1 CF DE 8D 3C 8D 6F 6A 02 56 E3 B1 7D
             B3 C1 B6 2A D1 B8 55 33 60 D1 73 67 EB 15 14 D2",
        ),
    ];
    for (etype, base, input, expected) in rows {
        assert_eq!(key(etype, base).prf(input).expose(), hex(expected));
    }
}

/// RFC 7802 2: the counter begins at 0 and goes in front of the input.
#[test]
fn gss_prf_chains_the_prf_with_a_counter_from_zero() {
    for etype in ETYPES {
        let key = some_key(etype);
        let blocks: Vec<u8> = [b"\0\0\0\0input", b"\0\0\0\x01input", b"\0\0\0\x02input"]
            .iter()
            .flat_map(|input| key.prf(*input).expose().to_vec())
            .collect();
        for len in [0, 1, 16, 17, 40, blocks.len()] {
            assert_eq!(
                key.gss_prf(b"input", len).expose(),
                &blocks[..len],
                "etype {etype}"
            );
        }
    }
}

#[test]
fn a_key_of_the_wrong_length_or_type_is_refused() {
    for (etype, expected) in [(17, 16), (18, 32), (19, 16), (20, 32)] {
        for found in [0, 1, 15, 17, 24, 31, 33, 16, 32] {
            let etype = EncryptionType(etype);
            let key = Key::new(etype, Secret::from(vec![0; found]));
            if found == expected {
                assert!(key.is_ok());
            } else {
                assert_eq!(
                    key.err(),
                    Some(CryptoError::KeyLength {
                        etype,
                        expected,
                        found
                    })
                );
            }
        }
    }
    for etype in [0, 1, 3, 16, 22, 24, -1, 65] {
        let etype = EncryptionType(etype);
        let expected = Some(CryptoError::UnsupportedEtype(etype));
        assert_eq!(Key::new(etype, Secret::from(vec![0; 16])).err(), expected);
        assert_eq!(Key::generate(etype, &mut counting()).err(), expected);
    }
}

#[test]
fn a_changed_bit_is_refused_and_the_plaintext_wiped() {
    for etype in ETYPES {
        let usage_key = some_key(etype).usage_key(11);
        let good = usage_key.encrypt(b"an authenticator, say", &mut counting());
        let body = good.len() - usage_key.mac_len();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                usage_key.decrypt_in_place(&mut bad).err(),
                Some(CryptoError::Integrity)
            );
            assert!(
                bad[..body].iter().all(|&byte| byte == 0),
                "etype {etype}, bit {bit}"
            );
        }
    }
}

#[test]
fn a_shortened_ciphertext_is_refused() {
    for etype in ETYPES {
        let usage_key = some_key(etype).usage_key(11);
        let good = usage_key.encrypt(b"seventeen bytes..", &mut counting());
        for len in 0..good.len() {
            let mut bad = good[..len].to_vec();
            let error = usage_key.decrypt_in_place(&mut bad).unwrap_err();
            let needed = usage_key.overhead();
            if len < needed {
                assert_eq!(error, CryptoError::TooShort { needed, found: len });
                assert_eq!(bad, good[..len], "nothing was done to it");
            } else {
                assert_eq!(error, CryptoError::Integrity);
            }
        }
    }
}

#[test]
fn every_length_survives_the_round_trip() {
    for etype in ETYPES {
        let usage_key = some_key(etype).usage_key(1024);
        let text: Vec<u8> = (0..=255).cycle().take(600).collect();
        for len in 0..text.len() {
            let mut sealed = usage_key.encrypt(&text[..len], &mut counting());
            assert_eq!(sealed.len(), len + usage_key.overhead());
            assert_eq!(
                usage_key.decrypt_in_place(&mut sealed).unwrap(),
                &text[..len]
            );
        }
    }
}

#[test]
fn another_usage_is_another_key() {
    // 31 and 32 sit on either side of the table of folded constants.
    for etype in ETYPES {
        let key = some_key(etype);
        for (usage, other) in [(2, 11), (31, 32), (1, 0x0100_0001)] {
            let mut sealed = key.usage_key(usage).encrypt(b"x", &mut counting());
            assert!(key.usage_key(other).decrypt_in_place(&mut sealed).is_err());
        }
    }
}
