//! The system call filter: Docker's default profile as a BPF program.
//!
//! The kernel runs the program at every call (or, for calls that are always allowed, once while loading it), and loads it
//! for every step; so numbers are found by halving, not one after the other. Besides the machine's own calls those of its
//! 32-bit mode are known, so that images for `linux/386` build on `linux/amd64`.
//!
//! Calls that are newer than the profile answer `ENOSYS`, so that a C library tries the older one; all others that are
//! not allowed answer `EPERM`.

mod table;

use std::sync::OnceLock;

use libc::sock_filter;

use table::{ALLOWED, Row};

const ARCH_X86_64: u32 = 0xc000_003e;
const ARCH_I386: u32 = 0x4000_0003;
const ARCH_AARCH64: u32 = 0xc000_00b7;

// `struct seccomp_data`.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_FIRST_ARGUMENT: u32 = 16;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const RETURN_ALLOW: u32 = 0x7fff_0000;
const RETURN_ERRNO: u32 = 0x0005_0000;
const REFUSE: u32 = RETURN_ERRNO | libc::EPERM as u32;
const UNKNOWN: u32 = RETURN_ERRNO | libc::ENOSYS as u32;

/// All namespaces that `clone` can make.
const CLONE_NAMESPACES: u32 = 0x7e02_0000;
/// `personality`: none, without the gap at address zero, without randomisation, both, and the question.
const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// Address families of the kernel's own cryptography and of virtual machines' hosts.
const REFUSED_FAMILIES: [u32; 2] = [38, 40];

/// The program for this machine; made once in a process.
pub(crate) fn filter() -> &'static [sock_filter] {
    static FILTER: OnceLock<Vec<sock_filter>> = OnceLock::new();
    FILTER.get_or_init(program)
}

/// One machine's numbers of the table.
type Column = fn(&Row) -> i32;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Refuse,
    Unknown,
    Clone,
    Personality,
    Socket,
}

/// Calls from `first` up to the next range.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: u32,
    action: Action,
}

fn program() -> Vec<sock_filter> {
    let arches: &[(u32, Column)] = if cfg!(target_arch = "aarch64") {
        &[(ARCH_AARCH64, |row| row.3)]
    } else {
        &[(ARCH_X86_64, |row| row.1), (ARCH_I386, |row| row.2)]
    };
    let mut program = vec![statement(LOAD, OFFSET_ARCH)];
    for (arch, number) in arches {
        let mut body = vec![statement(LOAD, OFFSET_NUMBER)];
        body.extend(search(&ranges(*number)));
        program.push(jump(JUMP_EQUAL, *arch, 1, 0));
        program.push(statement(JUMP, length(&body)));
        program.extend(body);
    }
    program.push(statement(RETURN, UNKNOWN));
    program
}

/// The numbers of one architecture as ranges with one action each, ascending from zero.
fn ranges(number: Column) -> Vec<Range> {
    let mut calls: Vec<(u32, Action)> = ALLOWED
        .iter()
        .filter_map(|row| Some((u32::try_from(number(row)).ok()?, action(row.0))))
        .collect();
    calls.sort_unstable_by_key(|(number, _)| *number);
    let mut ranges = vec![Range { first: 0, action: Action::Refuse }];
    let mut next = 0;
    let mut push = |first: u32, action: Action| match ranges.last_mut() {
        Some(last) if last.action == action => {}
        Some(last) if last.first == first => last.action = action,
        _ => ranges.push(Range { first, action }),
    };
    for (number, action) in calls {
        if next < number {
            push(next, Action::Refuse);
        }
        push(number, action);
        next = number + 1;
    }
    push(next, Action::Unknown);
    ranges
}

fn action(name: &str) -> Action {
    match name {
        "clone" => Action::Clone,
        // Its flags are behind a pointer, where a filter cannot look: the C library is to take `clone`.
        "clone3" => Action::Unknown,
        "personality" => Action::Personality,
        "socket" => Action::Socket,
        _ => Action::Allow,
    }
}

/// Finds the range of the loaded number by halving.
fn search(ranges: &[Range]) -> Vec<sock_filter> {
    if let [range] = ranges {
        return leaf(range.action);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let (below, above) = (search(low), search(high));
    let first = high.first().expect("a half of two or more is not empty").first;
    let mut code = match u8::try_from(below.len()) {
        Ok(skip) => vec![jump(JUMP_AT_LEAST, first, skip, 0)],
        Err(_) => vec![jump(JUMP_AT_LEAST, first, 0, 1), statement(JUMP, length(&below))],
    };
    code.extend(below);
    code.extend(above);
    code
}

fn leaf(action: Action) -> Vec<sock_filter> {
    match action {
        Action::Allow => vec![statement(RETURN, RETURN_ALLOW)],
        Action::Refuse => vec![statement(RETURN, REFUSE)],
        Action::Unknown => vec![statement(RETURN, UNKNOWN)],
        Action::Clone => vec![
            statement(LOAD, OFFSET_FIRST_ARGUMENT),
            jump(JUMP_ANY_BIT, CLONE_NAMESPACES, 0, 1),
            statement(RETURN, REFUSE),
            statement(RETURN, RETURN_ALLOW),
        ],
        Action::Personality => one_of(&PERSONALITIES, RETURN_ALLOW, REFUSE),
        Action::Socket => one_of(&REFUSED_FAMILIES, REFUSE, RETURN_ALLOW),
    }
}

fn one_of(values: &[u32], then: u32, otherwise: u32) -> Vec<sock_filter> {
    let mut code = vec![statement(LOAD, OFFSET_FIRST_ARGUMENT)];
    for value in values {
        code.push(jump(JUMP_EQUAL, *value, 0, 1));
        code.push(statement(RETURN, then));
    }
    code.push(statement(RETURN, otherwise));
    code
}

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn length(code: &[sock_filter]) -> u32 {
    u32::try_from(code.len()).expect("a filter has a few hundred instructions")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would.
    fn run(program: &[sock_filter], arch: u32, number: u32, argument: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let instruction = program[at];
            at += 1;
            let k = instruction.k;
            let taken = match instruction.code {
                LOAD => {
                    loaded = match k {
                        OFFSET_NUMBER => number,
                        OFFSET_ARCH => arch,
                        OFFSET_FIRST_ARGUMENT => argument,
                        other => panic!("loads from {other}"),
                    };
                    continue;
                }
                JUMP => {
                    at += k as usize;
                    continue;
                }
                RETURN => return k,
                JUMP_EQUAL => loaded == k,
                JUMP_AT_LEAST => loaded >= k,
                JUMP_ANY_BIT => loaded & k != 0,
                other => panic!("unknown instruction {other}"),
            };
            at += usize::from(if taken { instruction.jt } else { instruction.jf });
        }
    }

    const ARCHES: [(u32, usize); 2] = [(ARCH_X86_64, 1), (ARCH_I386, 2)];

    fn number(row: &Row, column: usize) -> i32 {
        if column == 1 { row.1 } else { row.2 }
    }

    #[test]
    fn every_number_gets_what_the_table_says() {
        if cfg!(target_arch = "aarch64") {
            return;
        }
        let program = program();
        for (arch, column) in ARCHES {
            let newest = ALLOWED.iter().map(|row| number(row, column)).max().unwrap() as u32;
            for call in 0..1000 {
                let row = ALLOWED.iter().find(|row| number(row, column) == call as i32);
                let expected = match row.map(|row| row.0) {
                    Some("clone3") => UNKNOWN,
                    Some(_) => RETURN_ALLOW,
                    None if newest < call => UNKNOWN,
                    None => REFUSE,
                };
                assert_eq!(run(&program, arch, call, 0), expected, "call {call} of {arch:x}");
            }
            assert_eq!(run(&program, arch, 0x4000_0000, 0), UNKNOWN, "the x32 mode");
        }
        assert_eq!(run(&program, 0x1234, 0, 0), UNKNOWN, "another machine");
    }

    #[test]
    fn arguments_decide_where_the_profile_says_so() {
        if cfg!(target_arch = "aarch64") {
            return;
        }
        let program = program();
        let call = |name: &str, argument| {
            let row = ALLOWED.iter().find(|row| row.0 == name).unwrap();
            run(&program, ARCH_X86_64, row.1 as u32, argument)
        };
        assert_eq!(call("clone", 0x0100_0011), RETURN_ALLOW);
        assert_eq!(call("clone", 0x1000_0000), REFUSE, "a user namespace");
        assert_eq!(call("socket", 2), RETURN_ALLOW);
        assert_eq!(call("socket", 38), REFUSE);
        assert_eq!(call("socket", 40), REFUSE);
        assert_eq!(call("socket", 41), RETURN_ALLOW);
        assert_eq!(call("personality", 0x2_0000), RETURN_ALLOW);
        assert_eq!(call("personality", 0x4_0000), REFUSE);
    }

    #[test]
    fn the_kernel_takes_programs_of_this_length() {
        assert!(program().len() < 4096, "{}", program().len());
    }
}
