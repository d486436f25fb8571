//! Tokens captured from MIT krb5 1.20.1: both ends of real contexts, whose keys
//! were read out with `gss_krb5_export_lucid_sec_context`. Each end sealed,
//! signed and made a MIC of the same text, in this order.

use core::cell::Cell;

use super::tests::{agreed, hex};
use super::{Agreed, KeyOrigin, PerMessage, Protection, Role, SequenceState};
use crate::backends::rust::kerberos::crypto::Key;
use crate::etype::EncryptionType;
use crate::secret::Secret;

const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog";

struct Capture {
    etype: i32,
    origin: KeyOrigin,
    key: &'static str,
    initiator: [&'static str; 3],
    acceptor: [&'static str; 3],
}

impl Capture {
    fn key(&self) -> Key {
        Key::new(EncryptionType(self.etype), Secret::from(hex(self.key))).unwrap()
    }

    /// An end of the captured context, whose two directions begin at these
    /// numbers.
    fn end(&self, role: Role, first_sent: u32, first_received: u32) -> PerMessage {
        PerMessage::new(Agreed {
            key: self.key(),
            origin: self.origin,
            first_sent,
            first_received,
            random: |out| out.copy_from_slice(&CONFOUNDER.get()),
            ..agreed(self.etype, role)
        })
    }
}

/// The low half of a token's sequence number; the high half is zero.
fn number(token: &[u8]) -> u32 {
    u32::from_be_bytes(token[12..16].try_into().unwrap())
}

thread_local! {
    /// The confounder that the captured token has.
    static CONFOUNDER: Cell<[u8; 16]> = const { Cell::new([0; 16]) };
}

#[test]
fn tokens_of_mit_are_read_and_made_again_byte_for_byte() {
    for capture in CAPTURES {
        let directions = [
            (Role::Initiator, 24, capture.initiator),
            (Role::Acceptor, 22, capture.acceptor),
        ];
        for (sender, usage, tokens) in directions {
            let [sealed, signed, mic] = tokens.map(hex);
            let first = number(&sealed);
            let receiver = capture.end(sender.peer(), 0, first);
            for (token, seal) in [
                (&sealed, Protection::Confidentiality),
                (&signed, Protection::Integrity),
            ] {
                let message = receiver.unwrap(token).unwrap();
                assert_eq!(message.data, TEXT);
                assert_eq!(message.protection, seal);
                assert_eq!(message.sequence, SequenceState::InOrder);
            }
            assert_eq!(receiver.verify(TEXT, &mic), Ok(SequenceState::InOrder));

            let mut inside = sealed[16..].to_vec();
            let usage_key = capture.key().usage_key(usage);
            usage_key.decrypt_in_place(&mut inside).unwrap();
            CONFOUNDER.set(inside[..16].try_into().unwrap());
            let sender = capture.end(sender, first, 0);
            assert_eq!(
                sender.wrap(Protection::Confidentiality, TEXT),
                sealed,
                "etype {}",
                capture.etype
            );
            assert_eq!(sender.wrap(Protection::Integrity, TEXT), signed);
            assert_eq!(sender.mic(TEXT), mic);
        }
    }
}

const CAPTURES: [Capture; 6] = [
    Capture {
        etype: 17,
        origin: KeyOrigin::AcceptorSubkey,
        key: "57766c2b41101386b0726e9ef6296cc9",
        initiator: [
            "050406ff000000000000000010f5e245a10186cecd4cfece7c1f631288f491013ed4d1a2
             2e64672055aa158884571a705e6acbb40fe03f81bc662ec6be98078a1c4f2c074abfaba1
             cbc0c514a1b6062b495a8f49c2f995609f3876487874e6451a342e01926e68",
            "050404ff000c00000000000010f5e24654686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67f8522404c46c2fd27ccd9594",
            "040404ffffffffff0000000010f5e247a2772f6927467741d98b6281",
        ],
        acceptor: [
            "050407ff000000000000000026c7502121147eefb5965574c75acfc97538ef9dbfe8510e
             aa053c35d1b1696571542a63aa7b29d7a17277a23a4cdd99b6c6ab6ee8f9a0cdd9767b8b
             13fa7bed166ec3ea683e5fb70f4d1fc13b4ba46a81a83e0edb040d6de169fd",
            "050405ff000c00000000000026c7502254686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f6792887cab7a3ac21f78e810b2",
            "040405ffffffffff0000000026c75023ec66a974bc30fec06e2c873f",
        ],
    },
    Capture {
        etype: 18,
        origin: KeyOrigin::AcceptorSubkey,
        key: "7959958e5ac4a3d7902c13a6465ab678047d27aff1faccc854440a591eaa94b0",
        initiator: [
            "050406ff00000000000000003f09c48d388af9c1fec42b677dceb08e1858bc2518fc39ea
             987c309ae80c1503ab4031c4334bed2c1e356a46f714fc42e1e0abcb1a9e685b7b63fa25
             c330ebf053421e3e6d3b710224d4a4375ec15d26818257214f441506becb88",
            "050404ff000c0000000000003f09c48e54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67f751999ea13737eb183270d6",
            "040404ffffffffff000000003f09c48f9f5a4de813cb6ac0ee536294",
        ],
        acceptor: [
            "050407ff000000000000000003847e1a2a80941c49ef3be2f06921ee5dd8d510def43b84
             fecde3b72f75fcd68a57d36f87fcf0d897f082edba495ca695cdc3984df4ed85fcdce9e4
             1e627e1f3e89eb3656260cc6322b1e61a80a111509a490e97745f73aa3168a",
            "050405ff000c00000000000003847e1b54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f677be2f07754841c3087f61159",
            "040405ffffffffff0000000003847e1c185ab61b412bc8897e964f9b",
        ],
    },
    Capture {
        etype: 18,
        origin: KeyOrigin::Other,
        key: "942468a9b8568cb96f582054ce35df72e0cc95ebf773bc0a3fb240bc2cafbd83",
        initiator: [
            "050402ff00000000000000000ae9c2dce89b830ab8bcd0f043e85125be76887451e135d0
             d29d13a98f8f17df7d0d7b69b2c917d2aa73e756da32c6cf4c86a3bec67fa7bd532528a1
             1c8e7c4d18394c01440f1b75195511075d4e86582a49c6bfb2fae1029e9afd",
            "050400ff000c0000000000000ae9c2dd54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f6789d03156f06d31e3935c0f61",
            "040400ffffffffff000000000ae9c2deca54ad2674f8edce59b39f00",
        ],
        acceptor: [
            "050403ff00000000000000000ae9c2dc36ba3c155fc69cec93c189ee142c755f083f7766
             253ea821c7913f953e11b53a5ce1961120e2485869818c5d5c053c3e36f21317ed85219b
             b83e503cf2134b1691e14586a7553e8652b2135619f1acf2e2377ccd325da7",
            "050401ff000c0000000000000ae9c2dd54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f6763cd2bb0a270044df42696c3",
            "040401ffffffffff000000000ae9c2defe2676fb1c18edba9671ebc5",
        ],
    },
    Capture {
        etype: 19,
        origin: KeyOrigin::AcceptorSubkey,
        key: "6df368baf0c1394b1ca5e1f0d22de68c",
        initiator: [
            "050406ff000000000000000024f4e400cceda9e28508f62b68a992a09c0d113f51c519ff
             b9afae5fcde600f89ae2eba50bcc4fd52348d3cb97feaa86be7e92704fda8b6c2f4f071e
             bc5d413a6964eba08757505d233867d82bd2675dd52a71b017137ad7a5d40b0e8abe42",
            "050404ff001000000000000024f4e40154686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f679b2945b923edef80ea6f5fa06f
             e0278f",
            "040404ffffffffff0000000024f4e4022cb4ca29c1c00080ae19808724fcb1fc",
        ],
        acceptor: [
            "050407ff00000000000000001e1225708d07718e7f302104c4f769b2222595bc15d5ea7f
             b3e7ca2ddcb41134928df44e7674bab7faa7e0bdb555159a55e62cae0d7f900b0d4afc3e
             7eeae14f10f1a445b0bb7663823fe051d0dd0e2c0708e37a1e6e5b3120e8ddbcc7656e",
            "050405ff00100000000000001e12257154686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67cc34057f1aa7d4e1431fb79c1c
             bf4267",
            "040405ffffffffff000000001e1225724d4645a7bd20f7218fd4d36661f2d62a",
        ],
    },
    Capture {
        etype: 20,
        origin: KeyOrigin::AcceptorSubkey,
        key: "4cef283d6808dcb2dd7d5024ce41c126142c0d8f3fee61111ebdf311a267b6c1",
        initiator: [
            "050406ff000000000000000030456844bbe8e6e538d3fe2d347e306553711887e57d88b8
             6bba1cc6faf3b0bac4c38719ce4c0992fc7d1094041259bbbde28b771d0d364f3a0d883a
             02cdbd85c6e32f545a23ade54978a29772883d2420c168741a1829a78dac997b1335933d
             32e32687aebb15",
            "050404ff00180000000000003045684554686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67d370a636d3a6a9d2f1ea655332
             823a5f73645ea63c49c98c",
            "040404ffffffffff0000000030456846b7f6d2927827a1a5760d021b8a1c26b9c43df862
             35502b84",
        ],
        acceptor: [
            "050407ff00000000000000003e0fc467a854b0aa7a408de069fc18ade31962c257b6c3b5
             a3a36ef77fc9276eeef0c6ca4f6f9048d2165747206c8bf92d695ae28c610947e4b72e8b
             2039c2dfb0a9319a870c2d5320af3e6e60a561940b286ee69185bece7f170a9f7ef2dab4
             165d61220c6f68",
            "050405ff00180000000000003e0fc46854686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67466154cc8d37d30e0846bc45c5
             1334c9d3e4e304b392a236",
            "040405ffffffffff000000003e0fc469ab06082ae44a6386a084fa9744eb0ff7adf52117
             29332846",
        ],
    },
    Capture {
        etype: 20,
        origin: KeyOrigin::Other,
        key: "54b34e794f2f2ea29d555ef04cb939019add91b711be01b29e078b578d5fb9a6",
        initiator: [
            "050402ff00000000000000000a16ef7ca7578bd012244c2f87b8a2c5262777db0a962224
             e2687ab2abf961a5b196c740d4e66dec81c65dc4b39c41243a2bf994da36568af273f274
             11e2b1386d323d44934ff36aa2d9f4b88c44f73bcb32d2b564d3a4026c8ffb8ba1d55578
             5604d366ada308",
            "050400ff00180000000000000a16ef7d54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67995b221f339ede967d056dce16
             f5ece243e2d8cee37fba55",
            "040400ffffffffff000000000a16ef7e9756a4c19726d5ccc4ecd670b54eb3d850f7181a
             b0e30af8",
        ],
        acceptor: [
            "050403ff00000000000000000a16ef7ca899ddeda43653edb0a3409c4aba2533a287517a
             c68d88e5870dde03fffcd9cf604289bbff78986260d8a9b85c417817810594b29bda580f
             ecbe738c1904075f782f41e3f2fb0f5af54cf388480de4b3c196d4ea1883a9584842ca99
             5ec3b809a49734",
            "050401ff00180000000000000a16ef7d54686520717569636b2062726f776e20666f7820
             6a756d7073206f76657220746865206c617a7920646f67df217b4ae843e1945cedd640dc
             33a804d9c4fd50b6382490",
            "040401ffffffffff000000000a16ef7ef84cabaebb70b46070862c123a207b455c687dd8
             2f639089",
        ],
    },
];
