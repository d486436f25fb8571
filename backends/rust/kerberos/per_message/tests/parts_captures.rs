//! Messages in parts captured from MIT krb5 1.20.1 and Heimdal 7.8: acceptors
//! whose `gss_wrap_iov` protected five parts and a header, in DCE style and
//! not. The client knew the acceptor's subkey from the AP-REP.

use crate::backends::rust::kerberos::per_message::Layout;

/// The parts: sign-only, data, sign-only, data, sign-only.
pub(super) const PARTS: [&[u8]; 5] = [
    b"header of the PDU",
    b"first part",
    b"between",
    b"second part, longer than a block of AES",
    b"trailer",
];

pub(super) struct Capture {
    pub(super) by: &'static str,
    pub(super) etype: i32,
    pub(super) layout: Layout,
    /// The acceptor's subkey.
    pub(super) key: &'static str,
    /// Both data parts and the header part, sealed.
    pub(super) sealed: [&'static str; 3],
    /// The header part of the next message, signed alone; Heimdal makes none
    /// in DCE style.
    pub(super) signed: Option<&'static str>,
}

pub(super) const CAPTURES: [Capture; 16] = [
    Capture {
        by: "Mit",
        etype: 18,
        layout: Layout::Dce,
        key: "0d1c08607213c51ff287afe03d2fa88b85590c515fe4eebb17316d1a102c9f5b",
        sealed: [
            "861013b369d89739060c",
            "7940385e2e0d6f9229f8d2cd848450a769c8a05d5730ea7fd42599d5b93a5cfd09cc29d3
             990397",
            "050407ff0010001c0000000007edaec4cc967aa73ba697dc4e3e9d5fbedaf4ed1d10e5e4
             896ca920a460a2b844c624f0579bb206c7a819717aac78732cf424f6c54276df183c779d
             925bdd38",
        ],
        signed: Some("050405ff000c000c0000000007edaec56534f3aece5de1f1e0e2ce63"),
    },
    Capture {
        by: "Mit",
        etype: 17,
        layout: Layout::Dce,
        key: "31ead097db9b63582cb1b1ecbd000372",
        sealed: [
            "e6cfb104f5f02023f1ef",
            "7a421904b20882271c760caebc610b8565fca39135bd5c579518e0a70cfb31f9367f2f12
             d157e2",
            "050407ff0010001c0000000039194116c1279a13e44ce6bc10ea07beb4dec0b52a7589c2
             c1caf1f552fd5cf8534829256dcacf3b5fcb9a60bdd5465801c0c19ec4cad60a598703a7
             2367d3ac",
        ],
        signed: Some("050405ff000c000c000000003919411743ab34dc0ae64723d9f61b3b"),
    },
    Capture {
        by: "Mit",
        etype: 20,
        layout: Layout::Dce,
        key: "f82d2abab10145d5247206163d91b2683d92bcb4b53f9f808a013e8b1a1439a5",
        sealed: [
            "ab48a193003550c7f367",
            "32afd7658d0b0e00bb4bf3827f1c590f560d4154124f1b8d7343cc9127e422ee565c4217
             3e7ad3",
            "050407ff001000280000000022a4627515368042f16edba4169a75d999038745acf4d46a
             4b3850e02a35dc02f0218aed3a5520d99ba7f508b1d8d5d897315c4eae2eaef87d2efa30
             f658c1025559520ba1925748b5602448",
        ],
        signed: Some(
            "050405ff001800180000000022a46276ca3ae54c7819589111ee4938a21d738b57d35c20
             1ba93c48",
        ),
    },
    Capture {
        by: "Mit",
        etype: 19,
        layout: Layout::Dce,
        key: "465def91178562b4e655d7787fac56d8",
        sealed: [
            "fb34d6226276601de998",
            "6bb464dd09ce5d4c309da9bcb02a35dd37fce22eeeec075e539723d0d2fd9e48df1f5992
             fe096f",
            "050407ff001000200000000032421f5c7de78211b1046a0f1dbfe6163a5edfc0729476a9
             48992e6452f4f3491d6d815f2ca313ef4c9471e3afffcca6283843d9a151a37072be7bb6
             6187fd77bf28cd57",
        ],
        signed: Some("050405ff001000100000000032421f5d3366b5cd0a3aa544cfebcfbb88783243"),
    },
    Capture {
        by: "Mit",
        etype: 18,
        layout: Layout::Plain,
        key: "b64c226503e6c27c83f325deb290ae871d033a05331642988ae21d5ecfeb0c18",
        sealed: [
            "f5fd1127910f35a88d87",
            "2c10758331f0d40065d3b3fad96d9ef0b0b4a9bfc84b74a456b0506c8b5ba1d3aeb11ab5
             abf9dd",
            "050407ff0000001c0000000001feb2066243adc02e4c71216305f96aaab3712bf6532b8d
             777eec7d501b3f341d4c5765aa416695f8d72104abca183d",
        ],
        signed: Some("050405ff000c000c0000000001feb2074429a9aa23973c1f738d5f6c"),
    },
    Capture {
        by: "Mit",
        etype: 17,
        layout: Layout::Plain,
        key: "9dcb0bd41a21841fd27e6a2b08e6646f",
        sealed: [
            "b44f02b42a728eda45d4",
            "d8dc7976c774167851d63ad712654e72cc7d2e55e85acfb3bbe136e57742fb64965dd090
             288c88",
            "050407ff0000001c0000000035be1465b92a50d3d8dea29035646c488cbab6dd16acf1bb
             f3d214f22fb03de6d3d2bfe475f8c1040cef2b54e8986860",
        ],
        signed: Some("050405ff000c000c0000000035be1466cb66210baf2d407c412bff84"),
    },
    Capture {
        by: "Mit",
        etype: 20,
        layout: Layout::Plain,
        key: "7cedc91c4b1cfb3f784c02ef098863bd2dc178bde8d5439ba5e5ad8fbfc21ea6",
        sealed: [
            "6b3ce5a5dfbf116bc2ab",
            "0270f1d319f8a19fdb58f06473f3f8b3afe797122b8f0032ca15a800ad9bb10dc7a4fd17
             8ab11b",
            "050407ff00000028000000001ddb6f06ff85cc00fdfcea769c30f12931036adfc6a454ed
             e1f3eb53d820b3652b5ab4fd474182757cbdcf0ae7db82f05bf14175559420c1f1fe6140",
        ],
        signed: Some(
            "050405ff00180018000000001ddb6f070963b25f6bd6f4b9b83e84b4fc4f8268148d4abe
             7b7ed6d3",
        ),
    },
    Capture {
        by: "Mit",
        etype: 19,
        layout: Layout::Plain,
        key: "4f7b202b37f1af835e7f0879e9baddf0",
        sealed: [
            "6d75e226f31d62c8ed56",
            "872b2291dd5f5b4331d98d868801e6d1694746e86c2b9bf0e71e0ac9074b1d9da625f105
             7002ac",
            "050407ff00000020000000000c1b8f84edab1162f9c4ad597c6e6f859c54756d56c86eb7
             e790e85151ca0f5ebd67007de8c17070ac28d89b821b41b604dbfa96",
        ],
        signed: Some("050405ff00100010000000000c1b8f85aadcbd75578853e17b23ad523c570030"),
    },
    Capture {
        by: "Heimdal",
        etype: 18,
        layout: Layout::Dce,
        key: "959fbb300b07b004a92219ba215adad78124d714a8b09e3edee66442d7215296",
        sealed: [
            "bea018dd857c56addf75",
            "cd86b8192a9bbde5bfcfd819ce5d371ed30739355fe0decb43b178e22c41af0219bafec1
             882094",
            "050407ff0010001c000000002340f28194e8b80685767109e2b0a266802e2e45469c2c35
             879d50bb9a13771b77da926488496fe1399fe8b84f0f208ce03eeaa50a1c69c7c53b050e
             0158f04d",
        ],
        signed: None,
    },
    Capture {
        by: "Heimdal",
        etype: 17,
        layout: Layout::Dce,
        key: "dd468139a80dc6fcb585a437288e4793",
        sealed: [
            "2e4ee5a8943620797699",
            "0a1e27714f502f33bda39e144ccaa2a3aacc98d1d86434321da4ac075083b239133cc3d1
             695b57",
            "050407ff0010001c0000000016b9954f29a3cc0d45906dc007c23f7c1c5a3dc490b2d0e5
             ee2633446e527ca1b2f427d3826f0f1c2e89c766ca46f25b412c1704b5dc5123689af094
             1a7b4eb5",
        ],
        signed: None,
    },
    Capture {
        by: "Heimdal",
        etype: 20,
        layout: Layout::Dce,
        key: "c867d37876dbcd68a166de7cb79d12abaed6eb4682ec3b229adb0972bdb2bfd1",
        sealed: [
            "a79ecafe7ec6e1e8673a",
            "a3767a83a3d98b7ac73c9c95163845890b51557f26669efb00b0066b2c0116c2925efeb2
             74c19a",
            "050407ff00100028000000001b13d391620f293b284cb13f71e7f23bc8f199786a8be9f6
             a938bde7e29e134ae4bde2de887230a008a954989779aa1159cf4f802fb4c16a123b37eb
             09df9b868002e1acb9b4395fb98c52b6",
        ],
        signed: None,
    },
    Capture {
        by: "Heimdal",
        etype: 19,
        layout: Layout::Dce,
        key: "fbb03e2da07520bf9fe4c42f6a14b42b",
        sealed: [
            "84e809d2a03b8106a7ca",
            "566a5ec28cb9bce04030c38440720eebb5349eb81f08b84aef5dd9ecac60cb5fec4a2aa0
             b77061",
            "050407ff001000200000000036fc8df86671d58632a391ebea6d13a74137087be0e0d8c2
             f6914026864516ecb18501ed33922bc5eb550a7538b2b27a8936aeea6bfeba1552b23d66
             376bc2083453bfbf",
        ],
        signed: None,
    },
    Capture {
        by: "Heimdal",
        etype: 18,
        layout: Layout::Plain,
        key: "3e501129c9b4d201790047d4ecb0735161f12f5bccfbca966f4a238f6b08cde3",
        sealed: [
            "f683afe3f1d3068b9452",
            "ba841b68a967dd508400b11528613605056b16c4b857735e36b88e88532e37d9adab6cab
             9e9693",
            "050407ff0000001c00000000134fce404283f8daa19124cc16600111b91ba8de75a171f9
             a89f16201483d2922ea2c0c4f2e718a490eae15728868862",
        ],
        signed: Some("050405ff000c000c00000000134fce419c178502e028adf449b1892e"),
    },
    Capture {
        by: "Heimdal",
        etype: 17,
        layout: Layout::Plain,
        key: "17e788e865612edd144baa2e59a4ec49",
        sealed: [
            "81b9bbbd737c914ef7d4",
            "bb76bb809ab1ae02b11d0faccedb9f853cb7cbcc83d1be882d4b467547d683f3b013dd32
             94198a",
            "050407ff0000001c00000000251aa406f68d2958f400d162e908b65a13074a152378f5ea
             4ecf284202071bf8af322ef8f9321dc7325c281bdf9c2613",
        ],
        signed: Some("050405ff000c000c00000000251aa407f54086d963a91b90c3363183"),
    },
    Capture {
        by: "Heimdal",
        etype: 20,
        layout: Layout::Plain,
        key: "277f39ba39d7654a8cb6b6ae6517d572078cffbfc782952f8bab3ad35cad24cf",
        sealed: [
            "91d401c51423b8ce5f41",
            "c0b2c0f7b0ea40c8d1de041256f388c5331aba3932add540c86f3027b235946c36ab2cf2
             02b37a",
            "050407ff00000028000000003be84b5c6d1b205d6cf199bda7c5bd2b0434000083ede332
             c4ace11e5369ef7e810711aae7c1e6b48e9c917106b0fb8671782e8eebce35c256b7a234",
        ],
        signed: Some(
            "050405ff00180018000000003be84b5de25969a66460f9efff02569f657a902852200bae
             716ece99",
        ),
    },
    Capture {
        by: "Heimdal",
        etype: 19,
        layout: Layout::Plain,
        key: "1e8ea64146161957d0f141f04c55ba9a",
        sealed: [
            "54f9130a2821318ffa94",
            "a4495c837d29cfb619dc5267813de34c708c941830cead961c86f1674a25cfdf41c19768
             87dc22",
            "050407ff000000200000000031f82557f39bea63071f35833c9c29fd981bdf9725ca26da
             02f6044f8c1a2b7412b614e0131aeac4c458d4a0f308e79559abf511",
        ],
        signed: Some("050405ff001000100000000031f82558359bcd64f1305394d0e3d79205d09f5f"),
    },
];
