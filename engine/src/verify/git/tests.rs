//! Git objects of third parties, where `POLICY_CHECK_VECTORS` says they are.

use bytes::Bytes;

use super::*;

/// 2027-01-01.
const NOW: i64 = 1_798_761_600;

fn vectors() -> Option<std::path::PathBuf> {
    let Some(folder) = std::env::var_os("POLICY_CHECK_VECTORS") else {
        eprintln!("skipped: POLICY_CHECK_VECTORS is not set");
        return None;
    };
    Some(std::path::PathBuf::from(folder).join("git"))
}

#[test]
fn third_party_vectors() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for (object, keys) in [
        ("commit_pgp_e.raw", "e.pub.asc"),
        ("commit_pgp_p.raw", "p.pub.asc"),
        ("commit_pgp_r.raw", "r.pub.asc"),
        ("tag_pgp_r.raw", "r.pub.asc"),
        ("commit_ssh_ed.raw", "ssh_ed.pub"),
        ("commit_ssh_p256.raw", "ssh_p256.pub"),
        ("commit_ssh_rsa.raw", "ssh_rsa.pub"),
        ("tag_ssh_ed.raw", "ssh_ed.pub"),
    ] {
        let object = GitObject::parse(&Bytes::from(read(object))).unwrap();
        for file in ["e.pub.asc", "p.pub.asc", "r.pub.asc", "ssh_ed.pub", "ssh_p256.pub", "ssh_rsa.pub"] {
            let parsed = GitKeys::parse(&read(file)).unwrap();
            let verified = verify(&object, &parsed, NOW, Validity::WhenSigned);
            match verified {
                Ok(()) => assert_eq!(file, keys),
                Err(failure) => assert!(file != keys && failure.step == Step::Key, "{file}: {failure}"),
            }
        }
    }
}
