//! IP networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::FunctionError;
use super::arguments::{number, string, text, whole};
use crate::bake::Environment;
use crate::bake::value::{Type, Value};

type Result<T = Value> = std::result::Result<T, FunctionError>;

/// A network: its first address as a number, and its length; `bits` is that of all its addresses.
struct Network {
    first: u128,
    length: u32,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self> {
        let invalid = || format!("`{text}` is no network in CIDR notation");
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let (value, bits) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let well_formed = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u32 =
            length.parse().ok().filter(|&length| well_formed && length <= bits).ok_or_else(invalid)?;
        Ok(Self { first: value & mask(length, bits), length, bits })
    }

    fn address(&self, value: u128) -> String {
        match u32::try_from(value) {
            Ok(value) if self.bits == 32 => Ipv4Addr::from(value).to_string(),
            _ => Ipv6Addr::from(value).to_string(),
        }
    }

    fn size(length: u32, bits: u32) -> Option<u128> {
        1u128.checked_shl(bits - length)
    }
}

fn mask(length: u32, bits: u32) -> u128 {
    let all = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
    let hosts = 1u128.checked_shl(bits - length).map_or(u128::MAX, |size| size - 1);
    all & !hosts
}

pub(super) fn host(arguments: &[Value], _: &Environment) -> Result {
    let network = Network::parse(text(arguments, 0))?;
    let wanted = i128::from(whole(arguments, 1)?);
    let size = Network::size(network.length, network.bits);
    // A negative number counts from the network's end.
    let offset = match (u128::try_from(wanted), size) {
        (Ok(offset), Some(size)) if offset >= size => None,
        (Ok(offset), _) => Some(offset),
        (Err(_), Some(size)) => size.checked_sub(wanted.unsigned_abs()),
        (Err(_), None) => Some(u128::MAX - (wanted.unsigned_abs() - 1)),
    };
    let offset = offset.ok_or("the network does not have that many addresses")?;
    string(network.address(network.first | offset))
}

pub(super) fn netmask(arguments: &[Value], _: &Environment) -> Result {
    let network = Network::parse(text(arguments, 0))?;
    string(network.address(mask(network.length, network.bits)))
}

pub(super) fn subnet(arguments: &[Value], _: &Environment) -> Result {
    let network = Network::parse(text(arguments, 0))?;
    let added = whole(arguments, 1)?;
    let added =
        u32::try_from(added).ok().filter(|&added| added <= 32).ok_or("no more than 32 bits can be added")?;
    let wanted = number(arguments, 2).to_i64().and_then(|number| u128::try_from(number).ok());
    let wanted = wanted.ok_or("the subnet's number must be a whole one from 0")?;
    let length = network.length + added;
    let fits = length <= network.bits && wanted < (1 << added);
    let size = Network::size(length, network.bits).filter(|_| fits);
    let size = size.or((wanted == 0 && fits).then_some(0)).ok_or("the network has no such subnet")?;
    string(format!("{}/{length}", network.address(network.first | (wanted * size))))
}

pub(super) fn subnets(arguments: &[Value], _: &Environment) -> Result {
    let network = Network::parse(text(arguments, 0))?;
    // One past the last address given out, as the distance from the first.
    let mut next: u128 = 0;
    let mut subnets = Vec::new();
    for index in 1..arguments.len() {
        let added = whole(arguments, index)?;
        let added = u32::try_from(added).ok().filter(|added| (1..=32).contains(added));
        let length = network.length + added.ok_or("1 to 32 bits can be added")?;
        let size = if length <= network.bits { Network::size(length, network.bits) } else { None };
        let size = size.ok_or("there are not as many bits in an address")?;
        let start = next.div_ceil(size).checked_mul(size).ok_or("the network is used up")?;
        let end = start.checked_add(size).ok_or("the network is used up")?;
        if Network::size(network.length, network.bits).is_some_and(|all| end > all) {
            return Err("the network is used up".into());
        }
        subnets.push(Value::string(format!("{}/{length}", network.address(network.first | start))));
        next = end;
    }
    Ok(Value::list(Type::String, subnets))
}
