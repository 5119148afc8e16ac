//! The program, in classic BPF, by which the kernel chooses the member of a group for a packet: a hash
//! of the two outermost IP addresses that is the same both ways.
//!
//! The kernel's own hash (`PACKET_FANOUT_HASH`) is not: its dissector stops at an IPv6 flow label
//! (`FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL`) and then leaves out the ports, so that a conversation of
//! which only one side sets labels is torn apart. It takes ports of fragments only where they are put
//! together before, and looks into GRE and IP-in-IP but not into VXLAN.

/// One instruction of classic BPF (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) value: u32,
}

/// Takes no packet.
pub(crate) const TAKE_NONE: [Instruction; 1] = [Instruction {
    code: op::RETURN,
    if_true: 0,
    if_false: 0,
    value: 0,
}];

/// Codes of `linux/bpf_common.h`, put together.
mod op {
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_HALF: u16 = 0x28;
    /// From the packet at X and a number.
    pub(super) const LOAD_WORD_AT_X: u16 = 0x40;
    pub(super) const LOAD_HALF_AT_X: u16 = 0x48;
    pub(super) const LOAD_BYTE_AT_X: u16 = 0x50;
    pub(super) const LOAD_MEMORY: u16 = 0x60;
    pub(super) const LOAD_X_NUMBER: u16 = 0x01;
    pub(super) const LOAD_X_MEMORY: u16 = 0x61;
    pub(super) const STORE: u16 = 0x02;
    pub(super) const ADD: u16 = 0x04;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const MULTIPLY: u16 = 0x24;
    pub(super) const AND: u16 = 0x54;
    pub(super) const SHIFT_RIGHT: u16 = 0x74;
    pub(super) const XOR_X: u16 = 0xac;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const JUMP_EQUAL: u16 = 0x15;
    pub(super) const RETURN: u16 = 0x06;
    pub(super) const RETURN_A: u16 = 0x16;
    pub(super) const A_TO_X: u16 = 0x07;
    pub(super) const X_TO_A: u16 = 0x87;
}

/// Tags that are looked through: more than three are only seen in attacks on switches.
const TAGS_MAX: usize = 4;
/// MPLS labels that are looked through.
const LABELS_MAX: usize = 6;
/// `SKF_AD_OFF + SKF_AD_PROTOCOL` and `+ SKF_AD_PKTTYPE`: what the kernel knows of the packet.
const PROTOCOL: u32 = 0xffff_f000;
const PACKET_TYPE: u32 = 0xffff_f004;
/// `PACKET_OUTGOING`.
const OUTGOING: u32 = 4;
/// Odd numbers with well spread bits (of the golden ratio and of the MurmurHash3 finaliser).
const MIX_A: u32 = 0x9e37_79b1;
const MIX_B: u32 = 0x85eb_ca6b;

/// A place in the program that is jumped to.
type Label = usize;

/// Puts a program together; jumps go to labels and are filled in at the end.
#[derive(Default)]
struct Assembler {
    program: Vec<Instruction>,
    labels: Vec<Option<usize>>,
    /// Instruction, and the label that it goes to where the comparison holds.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    fn label(&mut self) -> Label {
        self.labels.push(None);
        self.labels.len() - 1
    }

    fn place(&mut self, label: Label) {
        let here = self.program.len();
        if let Some(place) = self.labels.get_mut(label) {
            *place = Some(here);
        }
    }

    fn push(&mut self, code: u16, value: u32) {
        self.program.push(Instruction {
            code,
            if_true: 0,
            if_false: 0,
            value,
        });
    }

    /// Goes to `label` where A is `value`.
    fn if_equal(&mut self, value: u32, label: Label) {
        self.jumps.push((self.program.len(), label));
        self.push(op::JUMP_EQUAL, value);
    }

    fn go(&mut self, label: Label) {
        self.jumps.push((self.program.len(), label));
        self.push(op::JUMP, 0);
    }

    /// The program, with its jumps filled in.
    fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in self.jumps {
            let target = self.labels.get(label).copied().flatten().unwrap_or(0);
            let distance = target.saturating_sub(at + 1);
            if let Some(instruction) = self.program.get_mut(at) {
                if instruction.code == op::JUMP {
                    instruction.value = distance as u32;
                } else {
                    // A test asserts that every distance fits.
                    instruction.if_true = u8::try_from(distance).unwrap_or(u8::MAX);
                }
            }
        }
        self.program
    }
}

/// The program for an interface with Ethernet headers, or without link headers.
///
/// What arrives begins with its network header here, what leaves with its link header; a tag that the
/// card took out is in neither. Whatever is not IP goes to the first member.
pub(crate) fn hosts(is_ethernet: bool) -> Vec<Instruction> {
    let mut asm = Assembler::default();
    let [v4, v6, pppoe, mpls, kind_known] = std::array::from_fn(|_| asm.label());
    // A: EtherType; X: where its header begins.
    if is_ethernet {
        let [outgoing, known] = std::array::from_fn(|_| asm.label());
        asm.push(op::LOAD_WORD, PACKET_TYPE);
        asm.if_equal(OUTGOING, outgoing);
        asm.push(op::LOAD_HALF, PROTOCOL);
        asm.push(op::LOAD_X_NUMBER, 0);
        asm.go(known);
        asm.place(outgoing);
        asm.push(op::LOAD_HALF, 12);
        asm.push(op::LOAD_X_NUMBER, 14);
        asm.place(known);
    } else {
        asm.push(op::LOAD_HALF, PROTOCOL);
        asm.push(op::LOAD_X_NUMBER, 0);
    }
    for _ in 0..TAGS_MAX {
        let tag = asm.label();
        for kind in [0x8100, 0x88a8, 0x9100] {
            asm.if_equal(kind, tag);
        }
        asm.go(kind_known);
        asm.place(tag);
        asm.push(op::LOAD_HALF_AT_X, 2);
        skip(&mut asm, 4);
    }
    asm.place(kind_known);
    asm.if_equal(0x0800, v4);
    asm.if_equal(0x86dd, v6);
    asm.if_equal(0x8864, pppoe);
    asm.if_equal(0x8847, mpls);
    asm.if_equal(0x8848, mpls);
    asm.push(op::RETURN, 0);
    // PPPoE sessions (RFC 2516): 6 bytes, then PPP's protocol.
    asm.place(pppoe);
    asm.push(op::LOAD_HALF_AT_X, 6);
    skip(&mut asm, 8);
    asm.if_equal(0x0021, v4);
    asm.if_equal(0x0057, v6);
    asm.push(op::RETURN, 0);
    // MPLS (RFC 3032): the last label has its lowest bit of the third byte set; then comes IP, told by
    // its version.
    asm.place(mpls);
    let bottom = asm.label();
    for _ in 0..LABELS_MAX {
        asm.push(op::LOAD_BYTE_AT_X, 2);
        asm.push(op::AND, 1);
        skip(&mut asm, 4);
        asm.if_equal(1, bottom);
    }
    asm.push(op::RETURN, 0);
    asm.place(bottom);
    asm.push(op::LOAD_BYTE_AT_X, 0);
    asm.push(op::SHIFT_RIGHT, 4);
    asm.if_equal(4, v4);
    asm.if_equal(6, v6);
    asm.push(op::RETURN, 0);
    // The addresses go to places 1 and 2 of the memory.
    let hash = asm.label();
    asm.place(v6);
    asm.push(op::X_TO_A, 0);
    asm.push(op::STORE, 3);
    for (place, first) in [(1, 8), (2, 24)] {
        fold_v6(&mut asm, first);
        asm.push(op::STORE, place);
        asm.push(op::LOAD_X_MEMORY, 3);
    }
    asm.go(hash);
    asm.place(v4);
    asm.push(op::LOAD_WORD_AT_X, 12);
    asm.push(op::STORE, 1);
    asm.push(op::LOAD_WORD_AT_X, 16);
    asm.push(op::STORE, 2);
    asm.place(hash);
    finish_hash(&mut asm);
    asm.finish()
}

/// Moves X on by `bytes`; A is kept.
fn skip(asm: &mut Assembler, bytes: u32) {
    asm.push(op::STORE, 0);
    asm.push(op::X_TO_A, 0);
    asm.push(op::ADD, bytes);
    asm.push(op::A_TO_X, 0);
    asm.push(op::LOAD_MEMORY, 0);
}

/// Leaves the address at X + `first`, folded to 32 bits, in A; X is in place 3 and is lost.
fn fold_v6(asm: &mut Assembler, first: u32) {
    asm.push(op::LOAD_WORD_AT_X, first);
    for word in 1..4 {
        asm.push(op::MULTIPLY, MIX_A);
        asm.push(op::STORE, 4);
        asm.push(op::LOAD_X_MEMORY, 3);
        asm.push(op::LOAD_WORD_AT_X, first + 4 * word);
        asm.push(op::LOAD_X_MEMORY, 4);
        asm.push(op::ADD_X, 0);
    }
}

/// Returns a hash of places 1 and 2 that does not know which is which: sum and exclusive or, mixed.
fn finish_hash(asm: &mut Assembler) {
    asm.push(op::LOAD_X_MEMORY, 1);
    asm.push(op::LOAD_MEMORY, 2);
    asm.push(op::ADD_X, 0);
    asm.push(op::MULTIPLY, MIX_A);
    asm.push(op::STORE, 4);
    asm.push(op::LOAD_MEMORY, 2);
    asm.push(op::XOR_X, 0);
    asm.push(op::MULTIPLY, MIX_B);
    asm.push(op::LOAD_X_MEMORY, 4);
    asm.push(op::XOR_X, 0);
    // The kernel takes the rest of a division: the low bits must depend on the high ones.
    asm.push(op::STORE, 4);
    asm.push(op::SHIFT_RIGHT, 15);
    asm.push(op::LOAD_X_MEMORY, 4);
    asm.push(op::XOR_X, 0);
    asm.push(op::RETURN_A, 0);
}

#[cfg(test)]
mod tests;
