//! Signals of Linux, which `STOPSIGNAL` names.

/// Those with a name of their own, without `SIG`.
const NAMES: &str = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX RTMIN SEGV \
                     STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ";

/// Whether `text` is a signal: a number, or a name, with `SIG` or without, in any case (`SIGTERM`, `rtmin+3`).
pub(in crate::dockerfile) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let real_time = [("RTMIN+", 15), ("RTMAX-", 14)].iter().any(|(base, most)| {
        name.strip_prefix(base).is_some_and(|offset| (1..=*most).any(|n| offset == n.to_string()))
    });
    real_time || NAMES.split_ascii_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::is_signal;

    #[test]
    fn signals() {
        for signal in ["9", "SIGTERM", "term", "sigrtmin+15", "RTMAX-1", "RTMIN"] {
            assert!(is_signal(signal), "{signal}");
        }
        for other in ["", "0", "SIG", "SIGFOO", "RTMIN+16", "RTMIN+01", "TERM x"] {
            assert!(!is_signal(other), "{other}");
        }
    }
}
