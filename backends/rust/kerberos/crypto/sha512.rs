//! SHA-512's compression function (FIPS 180-4 6.4.2) with other work in
//! between.
//!
//! Everywhere else the `sha2` crate is what hashes, and tests hold this to it.
//! But a call of that crate is as long as two thousand instructions, which is
//! more than a processor looks ahead, so that a cipher's chain beside it finds
//! none of its waits to hide in; and no library takes another's work into its
//! rounds. This is for what is long and encrypted under AES-256 with
//! HMAC-SHA384 (RFC 8009).
//!
//! Schedules are made of ciphertext, and no secret. States are, since a MAC's
//! key is in them: they are wiped, but for what the compiler keeps on the
//! stack.

// As in `cts`: with the registers of the cipher's function, into which it is
// inlined. Letters have the names of FIPS 180-4.
#![allow(clippy::inline_always, clippy::many_single_char_names)]

use zeroize::Zeroize;

/// How many blocks are taken at once: as many as the widest registers have
/// words.
const BLOCKS: usize = 8;

/// The same in bytes.
pub(super) const PART: usize = BLOCKS * 128;

/// A word of each block.
type Row = [u64; BLOCKS];

/// The message schedules of some blocks, side by side: nothing in one waits
/// for another, so that compilers make it vectors' work.
struct Schedule([Row; 80]);

/// The schedules of the blocks that are next, and of those after them, or the
/// other way round.
pub(super) struct Room {
    schedules: [Schedule; 2],
    turned: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            schedules: [(); 2].map(|()| Schedule([[0; BLOCKS]; 80])),
            turned: false,
        }
    }
}

impl Room {
    /// Prepares the first part; once, before all else.
    #[inline(always)]
    pub(super) fn prepare(&mut self, part: &[u8; PART]) {
        let [first, _] = &mut self.schedules;
        first.begin(part);
        for at in 16..80 {
            first.extend(at);
        }
    }

    /// Takes the part that is prepared, and prepares the one `ahead`. For
    /// each 16 bytes, `other` is called.
    #[inline(always)]
    pub(super) fn compress_while(
        &mut self,
        state: &mut [u64; 8],
        ahead: &[u8; PART],
        mut other: impl FnMut(),
    ) {
        let [first, second] = &mut self.schedules;
        let (now, then) = if self.turned {
            (second, first)
        } else {
            (first, second)
        };
        self.turned = !self.turned;
        then.begin(ahead);
        now.compress(state, |at| {
            then.extend(16 + at);
            other();
        });
    }
}

impl Schedule {
    /// The blocks themselves.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // two dimensions, turned
    fn begin(&mut self, part: &[u8; PART]) {
        let (blocks, _) = part.as_chunks::<128>();
        for half in [0, 8] {
            // First as they lie, then turned: read word by word and written
            // row by row it would be one word at a time.
            let mut words = [[0; 8]; BLOCKS];
            for (words, block) in words.iter_mut().zip(blocks) {
                for (word, bytes) in words.iter_mut().zip(&block.as_chunks().0[half..]) {
                    *word = u64::from_be_bytes(*bytes);
                }
            }
            for at in 0..8 {
                for block in 0..BLOCKS {
                    self.0[half + at][block] = words[block][at];
                }
            }
        }
    }

    /// Row `at`, from 16 to 79, made of those before it.
    #[inline(always)]
    fn extend(&mut self, at: usize) {
        let rows: &mut [Row; 17] = self.0[at - 16..]
            .first_chunk_mut()
            .expect("a row with sixteen before it");
        let mut row = [0; BLOCKS];
        for block in 0..BLOCKS {
            let (x, y) = (rows[1][block], rows[14][block]);
            row[block] = rows[0][block]
                .wrapping_add(x.rotate_right(1) ^ x.rotate_right(8) ^ (x >> 7))
                .wrapping_add(rows[9][block])
                .wrapping_add(y.rotate_right(19) ^ y.rotate_right(61) ^ (y >> 6));
        }
        rows[16] = row;
    }

    /// Takes one block after the other. Meanwhile `other` is called with 0 to
    /// 63, eight times for a block.
    #[inline(always)]
    fn compress(&self, state: &mut [u64; 8], mut other: impl FnMut(usize)) {
        let mut letters = *state;
        for block in 0..BLOCKS {
            letters = *state;
            let mut b_xor_c = letters[1] ^ letters[2];
            for turn in 0..10 {
                if turn < 8 {
                    other(block * 8 + turn);
                }
                for at in 0..8 {
                    let number = turn * 8 + at;
                    let word = self.0[number][block].wrapping_add(K[number]);
                    round(&mut letters, &mut b_xor_c, at, word);
                }
            }
            for (word, letter) in state.iter_mut().zip(letters) {
                *word = word.wrapping_add(letter);
            }
        }
        letters.zeroize();
    }
}

/// One round, the `at`th of eight: instead of each letter taking the next
/// one's place, the places turn, and after eight rounds they are where they
/// were. `b_xor_c` is what was a ^ b the round before.
#[inline(always)]
fn round(letters: &mut [u64; 8], b_xor_c: &mut u64, at: usize, word: u64) {
    let (a, b, d) = (
        letters[(8 - at) & 7],
        letters[(9 - at) & 7],
        letters[(11 - at) & 7],
    );
    let (e, f) = (letters[(12 - at) & 7], letters[(13 - at) & 7]);
    let (g, h) = (letters[(14 - at) & 7], letters[(15 - at) & 7]);
    let sum_1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
    let choice = ((f ^ g) & e) ^ g;
    let new = h
        .wrapping_add(word)
        .wrapping_add(choice)
        .wrapping_add(sum_1);
    let sum_0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
    let a_xor_b = a ^ b;
    let majority = (a_xor_b & *b_xor_c) ^ b;
    *b_xor_c = a_xor_b;
    letters[(11 - at) & 7] = d.wrapping_add(new);
    letters[(15 - at) & 7] = new.wrapping_add(sum_0).wrapping_add(majority);
}

/// FIPS 180-4 4.2.3: of the cube roots of the first eighty primes, the first
/// 64 bits behind the point.
#[rustfmt::skip]
const K: [u64; 80] = [
    0x428A_2F98_D728_AE22, 0x7137_4491_23EF_65CD, 0xB5C0_FBCF_EC4D_3B2F, 0xE9B5_DBA5_8189_DBBC,
    0x3956_C25B_F348_B538, 0x59F1_11F1_B605_D019, 0x923F_82A4_AF19_4F9B, 0xAB1C_5ED5_DA6D_8118,
    0xD807_AA98_A303_0242, 0x1283_5B01_4570_6FBE, 0x2431_85BE_4EE4_B28C, 0x550C_7DC3_D5FF_B4E2,
    0x72BE_5D74_F27B_896F, 0x80DE_B1FE_3B16_96B1, 0x9BDC_06A7_25C7_1235, 0xC19B_F174_CF69_2694,
    0xE49B_69C1_9EF1_4AD2, 0xEFBE_4786_384F_25E3, 0x0FC1_9DC6_8B8C_D5B5, 0x240C_A1CC_77AC_9C65,
    0x2DE9_2C6F_592B_0275, 0x4A74_84AA_6EA6_E483, 0x5CB0_A9DC_BD41_FBD4, 0x76F9_88DA_8311_53B5,
    0x983E_5152_EE66_DFAB, 0xA831_C66D_2DB4_3210, 0xB003_27C8_98FB_213F, 0xBF59_7FC7_BEEF_0EE4,
    0xC6E0_0BF3_3DA8_8FC2, 0xD5A7_9147_930A_A725, 0x06CA_6351_E003_826F, 0x1429_2967_0A0E_6E70,
    0x27B7_0A85_46D2_2FFC, 0x2E1B_2138_5C26_C926, 0x4D2C_6DFC_5AC4_2AED, 0x5338_0D13_9D95_B3DF,
    0x650A_7354_8BAF_63DE, 0x766A_0ABB_3C77_B2A8, 0x81C2_C92E_47ED_AEE6, 0x9272_2C85_1482_353B,
    0xA2BF_E8A1_4CF1_0364, 0xA81A_664B_BC42_3001, 0xC24B_8B70_D0F8_9791, 0xC76C_51A3_0654_BE30,
    0xD192_E819_D6EF_5218, 0xD699_0624_5565_A910, 0xF40E_3585_5771_202A, 0x106A_A070_32BB_D1B8,
    0x19A4_C116_B8D2_D0C8, 0x1E37_6C08_5141_AB53, 0x2748_774C_DF8E_EB99, 0x34B0_BCB5_E19B_48A8,
    0x391C_0CB3_C5C9_5A63, 0x4ED8_AA4A_E341_8ACB, 0x5B9C_CA4F_7763_E373, 0x682E_6FF3_D6B2_B8A3,
    0x748F_82EE_5DEF_B2FC, 0x78A5_636F_4317_2F60, 0x84C8_7814_A1F0_AB72, 0x8CC7_0208_1A64_39EC,
    0x90BE_FFFA_2363_1E28, 0xA450_6CEB_DE82_BDE9, 0xBEF9_A3F7_B2C6_7915, 0xC671_78F2_E372_532B,
    0xCA27_3ECE_EA26_619C, 0xD186_B8C7_21C0_C207, 0xEADA_7DD6_CDE0_EB1E, 0xF57D_4F7F_EE6E_D178,
    0x06F0_67AA_7217_6FBA, 0x0A63_7DC5_A2C8_98A6, 0x113F_9804_BEF9_0DAE, 0x1B71_0B35_131C_471B,
    0x28DB_77F5_2304_7D84, 0x32CA_AB7B_40C7_2493, 0x3C9E_BE0A_15C9_BEBC, 0x431D_67C4_9C10_0D4C,
    0x4CC5_D4BE_CB3E_42B6, 0x597F_299C_FC65_7E2A, 0x5FCB_6FAB_3AD6_FAEC, 0x6C44_198C_4A47_5817,
];

#[cfg(test)]
mod tests {
    use super::{BLOCKS, PART, Room};

    /// Four times so many blocks as are taken at once, against the `sha2` crate,
    /// and the other work as often as there are 16 bytes.
    #[test]
    fn blocks_are_compressed_as_by_the_crate() {
        let mut next = 0_u64;
        let mut blocks = [[0; 128]; 4 * BLOCKS];
        for byte in blocks.as_flattened_mut() {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (next >> 56) as u8;
        }
        let start =
            core::array::from_fn(|word| 0x0123_4567_89AB_CDEF_u64.rotate_left(7 * word as u32));
        let mut expected = start;
        sha2::block_api::compress512(&mut expected, &blocks);

        let (parts, _) = blocks.as_flattened().as_chunks::<PART>();
        let mut room = Room::default();
        let mut state = start;
        room.prepare(&parts[0]);
        for part in 0..parts.len() {
            let mut calls = 0;
            let ahead = parts.get(part + 1).unwrap_or(&[0xFF; PART]);
            room.compress_while(&mut state, ahead, || calls += 1);
            assert_eq!(calls, PART / 16);
        }
        assert_eq!(state, expected);
    }
}
