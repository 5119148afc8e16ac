//! Tests of the builder that the decoder's own tests do not make.

use super::*;

#[test]
fn computes_the_checksum_that_others_compute() {
    // The example of RFC 1071's procedure that textbooks share: 0xb861 for these fields.
    let stack = Stack::raw()
        .ipv4("192.168.0.1", "192.168.0.199")
        .id(0)
        .protocol(IpProtocol::UDP);
    assert_eq!(
        stack.payload(&[0; 95]).bytes()[..12],
        [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 64, 17, 0xb8, 0x61]
    );
}

#[test]
fn cuts_data_into_segments_and_numbers_them() {
    let mut talk = Conversation::between("[2001:db8::1]:4000", "[2001:db8::2]:80").segments_of(10);
    talk.handshake().client(&[0; 25]).finish();
    // Handshake, three segments and their acknowledgement, the end.
    assert_eq!(talk.frames().len(), 3 + 3 + 1 + 4);
    let sequence = |place: usize| {
        let at = 14 + 40 + 4;
        u32::from_be_bytes(
            talk.frames()[place].data[at..at + 4]
                .try_into()
                .expect("4 bytes"),
        )
    };
    assert_eq!(
        [0, 2, 3, 4, 5, 7].map(sequence),
        [1000, 1001, 1001, 1011, 1021, 1026]
    );
}
