//! System calls and the memory shared with the kernel: the only file with `unsafe`.

use crate::fanout::Instruction;
use std::ffi::CString;
use std::io;
use std::mem::{offset_of, size_of, size_of_val};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Offset of a block's status: who it belongs to (`tpacket_hdr_v1::block_status`).
const STATUS_AT: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

/// Size of a frame slot, which version 3 asks for and does not use.
const FRAME_BYTES: u32 = 2048;

/// The index of an interface.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends with a zero byte and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}

/// Binds the calling thread to one processor.
pub(crate) fn pin_thread(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: a set of processors is an array of integers, for which zero is a value; `cpu` is within
    // it; the call reads as many bytes as the set has.
    let code = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set)
    };
    checked(code).map(drop)
}

fn checked(code: libc::c_int) -> io::Result<libc::c_int> {
    if code < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(code)
    }
}

/// A packet socket.
pub(crate) struct Socket(OwnedFd);

/// `struct ifreq` with room for any of its members (netdevice(7)).
#[repr(C)]
struct Request<T> {
    name: [u8; libc::IFNAMSIZ],
    value: T,
    /// So that the kernel, which copies a whole `struct ifreq`, finds enough bytes.
    _rest: [u8; 24],
}

impl<T> Request<T> {
    fn new(interface: &str, value: T) -> io::Result<Self> {
        let mut name = [0; libc::IFNAMSIZ];
        // The last byte stays zero.
        let place = name.get_mut(..interface.len().min(libc::IFNAMSIZ));
        match place {
            Some(place) if interface.len() < libc::IFNAMSIZ => {
                place.copy_from_slice(interface.as_bytes());
            }
            _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
        Ok(Request {
            name,
            value,
            _rest: [0; 24],
        })
    }
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

impl Socket {
    /// A packet socket that takes nothing yet: with the link header, or from the network header on.
    pub(crate) fn packet(with_link_header: bool) -> io::Result<Self> {
        let kind = if with_link_header {
            libc::SOCK_RAW
        } else {
            libc::SOCK_DGRAM
        };
        Self::new(libc::AF_PACKET, kind)
    }

    /// A socket to ask about interfaces with; needs no rights.
    pub(crate) fn asking() -> io::Result<Self> {
        Self::new(libc::AF_INET, libc::SOCK_DGRAM)
    }

    fn new(family: libc::c_int, kind: libc::c_int) -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let fd = checked(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: the descriptor was just made and belongs to nobody else.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes as `value` has, and keeps no pointer to it.
        let code = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        checked(code).map(drop)
    }

    /// # Safety
    /// Any bytes must be a value of `T`.
    unsafe fn get<T: Default>(&self, level: libc::c_int, option: libc::c_int) -> io::Result<T> {
        let mut value = T::default();
        let mut len = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes into `value`, for which any bytes will do.
        let code = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                std::ptr::from_mut(&mut value).cast(),
                &mut len,
            )
        };
        checked(code).map(|_| value)
    }

    pub(crate) fn set_version_3(&self) -> io::Result<()> {
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        self.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)
    }

    /// Leaves `bytes` of room before each frame.
    pub(crate) fn set_reserve(&self, bytes: u32) -> io::Result<()> {
        self.set(libc::SOL_PACKET, libc::PACKET_RESERVE, &bytes)
    }

    /// Makes the ring and maps it.
    pub(crate) fn map_ring(
        &self,
        block_bytes: u32,
        blocks: u32,
        hand_over: Duration,
    ) -> io::Result<Map> {
        let per_block = block_bytes / FRAME_BYTES;
        let request = libc::tpacket_req3 {
            tp_block_size: block_bytes,
            tp_block_nr: blocks,
            tp_frame_size: FRAME_BYTES,
            tp_frame_nr: per_block.saturating_mul(blocks),
            tp_retire_blk_tov: u32::try_from(hand_over.as_millis().max(1)).unwrap_or(u32::MAX),
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let len = block_bytes as usize * blocks as usize;
        // SAFETY: no address is asked for, so that no mapping of ours is replaced.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                self.0.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Map {
            start,
            block_bytes: block_bytes as usize,
            blocks: blocks as usize,
        })
    }

    /// Begins to take the packets of an interface.
    pub(crate) fn bind(&self, index: u32) -> io::Result<()> {
        self.bind_for(index, libc::ETH_P_ALL as u16)
    }

    /// Binds to an interface to send on it; takes nothing.
    pub(crate) fn bind_to_send(&self, index: u32) -> io::Result<()> {
        self.bind_for(index, 0)
    }

    fn bind_for(&self, index: u32, protocol: u16) -> io::Result<()> {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: protocol.to_be(),
            sll_ifindex: index as libc::c_int,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: the kernel reads as many bytes as the address has, and keeps no pointer to it.
        let code = unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                std::ptr::from_ref(&address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        };
        checked(code).map(drop)
    }

    /// Sends a frame as it is.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the kernel reads the bytes of `frame`.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        match usize::try_from(sent) {
            Err(_) => Err(io::Error::last_os_error()),
            Ok(sent) if sent < frame.len() => Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) fn ignore_outgoing(&self) -> io::Result<()> {
        let on: libc::c_int = 1;
        self.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &on)
    }

    pub(crate) fn set_promiscuous(&self, index: u32) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: index as libc::c_int,
            mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Joins a group; `kind` with its flags.
    pub(crate) fn join_fanout(&self, group: u16, kind: u32) -> io::Result<()> {
        let value = u32::from(group) | kind << 16;
        self.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &value)
    }

    pub(crate) fn fanout_group(&self) -> io::Result<u16> {
        // SAFETY: any bytes are an integer.
        let value: u32 = unsafe { self.get(libc::SOL_PACKET, libc::PACKET_FANOUT)? };
        Ok(value as u16)
    }

    /// Sets the program that chooses the member.
    pub(crate) fn set_fanout_program(&self, program: &[Instruction]) -> io::Result<()> {
        self.with_program(program, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA)
    }

    /// Sets the program that chooses which packets are taken.
    pub(crate) fn attach_filter(&self, program: &[Instruction]) -> io::Result<()> {
        self.with_program(program, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER)
    }

    fn with_program(
        &self,
        program: &[Instruction],
        level: libc::c_int,
        option: libc::c_int,
    ) -> io::Result<()> {
        let mut filter: Vec<libc::sock_filter> = program
            .iter()
            .map(|instruction| libc::sock_filter {
                code: instruction.code,
                jt: instruction.if_true,
                jf: instruction.if_false,
                k: instruction.value,
            })
            .collect();
        let len = libc::c_ushort::try_from(filter.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // The pointer is to `filter`, which lives to the end of this function; the kernel copies
        // `len` instructions from it and checks them.
        let program = libc::sock_fprog {
            len,
            filter: filter.as_mut_ptr(),
        };
        self.set(level, option, &program)
    }

    pub(crate) fn detach_filter(&self) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0i32)
    }

    /// Packets, drops and freezes since the last call.
    pub(crate) fn statistics(&self) -> io::Result<[u32; 3]> {
        // SAFETY: any bytes are integers.
        unsafe { self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS) }
    }

    /// The error that waits on the socket, if any; it is taken.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        // SAFETY: any bytes are an integer.
        let code: libc::c_int = unsafe { self.get(libc::SOL_SOCKET, libc::SO_ERROR)? };
        Ok((code != 0).then(|| io::Error::from_raw_os_error(code)))
    }

    /// Waits for a block or an error; whether there is an error.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN | libc::POLLERR,
            revents: 0,
        };
        let timeout = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: one descriptor is handed over, and one is there.
        match checked(unsafe { libc::poll(&mut poll, 1, timeout) }) {
            Ok(_) => Ok(poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The hardware type of an interface (`ARPHRD_…`).
    pub(crate) fn hardware_type(&self, interface: &str) -> io::Result<u16> {
        let mut request = Request::new(interface, 0u16)?;
        // SAFETY: the request is at least as long as `struct ifreq`; the kernel writes an address
        // into it, whose first 2 bytes are the type.
        let code = unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SIOCGIFHWADDR as _,
                std::ptr::from_mut(&mut request),
            )
        };
        checked(code).map(|_| request.value)
    }

    /// Whether an interface is up.
    pub(crate) fn is_up(&self, interface: &str) -> io::Result<bool> {
        let mut request = Request::new(interface, 0u16)?;
        // SAFETY: the request is at least as long as `struct ifreq`; the kernel writes 2 bytes of flags.
        let code = unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SIOCGIFFLAGS as _,
                std::ptr::from_mut(&mut request),
            )
        };
        checked(code).map(|_| libc::c_int::from(request.value) & libc::IFF_UP != 0)
    }

    /// Asks ethtool's `command`, which answers with one number.
    pub(crate) fn ethtool_value(&self, interface: &str, command: u32) -> io::Result<u32> {
        let mut answer = EthtoolValue { command, data: 0 };
        let mut request = Request::new(interface, std::ptr::from_mut(&mut answer))?;
        // SAFETY: the request is at least as long as `struct ifreq` and points to an answer that
        // lives through the call; the commands asked for write no more than that.
        let code = unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SIOCETHTOOL as _,
                std::ptr::from_mut(&mut request),
            )
        };
        checked(code).map(|_| answer.data)
    }
}

/// The ring's memory, shared with the kernel.
pub(crate) struct Map {
    start: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: the memory belongs to this value alone on our side, and nothing in it is tied to a thread.
unsafe impl Send for Map {}

impl Map {
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        assert!(
            block < self.blocks,
            "blocks are counted modulo their number"
        );
        // SAFETY: the block lies within the mapping, which lives as long as `self`; blocks begin at
        // multiples of the page size, so that the word is aligned; kernel and program both treat it
        // as one word that changes at once.
        unsafe {
            let at = self.start.add(block * self.block_bytes + STATUS_AT);
            AtomicU32::from_ptr(at.as_ptr().cast())
        }
    }

    /// Whether the block is ours to read.
    pub(crate) fn is_ours(&self, block: usize) -> bool {
        self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// The bytes of a block that is ours; empty where it is not.
    pub(crate) fn block(&mut self, block: usize) -> &mut [u8] {
        if !self.is_ours(block) {
            return &mut [];
        }
        // SAFETY: the block lies within the mapping (checked by `status`), which lives as long as
        // `self`. While its status says that it is ours the kernel does not write to it, and only
        // `give_back` changes that, for which `self` would have to be borrowed anew.
        unsafe {
            let at = self.start.add(block * self.block_bytes);
            std::slice::from_raw_parts_mut(at.as_ptr(), self.block_bytes)
        }
    }

    /// Gives a block to the kernel.
    pub(crate) fn give_back(&mut self, block: usize) {
        self.status(block)
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this start and length, and nothing refers to it any more.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.block_bytes * self.blocks);
        }
    }
}
