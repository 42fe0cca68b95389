//! ARNs: which resource one names, and which one names a resource.

use serde_json::Value;

use crate::model::{Address, Kind, Live};

impl Address {
    /// The ARN of the resource in a partition (such as `aws`), a region and an account, by the form of its kind.
    pub fn arn(&self, partition: &str, region: &str, account: &str) -> String {
        let form = self.kind.row().arn;
        let region = if form.regional { region } else { "" };
        let (service, resource, separator) = (form.service, form.resource, form.separator);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}{separator}{}", self.id)
    }

    /// The resource that an ARN names; `None` for what is none of cachectl's kinds.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, resource) = (parts.next()?, parts.nth(2)?);
        Kind::ALL.into_iter().find_map(|kind| {
            let form = kind.row().arn;
            let rest = resource.strip_prefix(form.resource).filter(|_| form.service == service)?;
            Some(Self::new(kind, rest.strip_prefix(form.separator)?))
        })
    }
}

impl Live {
    /// The ARN that AWS tells of a resource, else the one that its address comes to.
    pub fn arn(&self, address: &Address) -> String {
        let told = self.get(address).and_then(|own| own.get("ARN").or_else(|| own.get("AlarmArn")));
        told.and_then(Value::as_str).map(str::to_owned).unwrap_or_else(|| {
            let partition = if self.partition.is_empty() { "aws" } else { &self.partition };
            address.arn(partition, &self.region, &self.account_id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kinds_arn_names_its_resource() {
        for kind in Kind::ALL {
            let address = Address::new(kind, "orders-001:Evictions");
            // Of an alarm, the ARN does not say that it is composite.
            let named = if kind.is_alarm() { Address::new(Kind::Alarm, &address.id) } else { address.clone() };
            assert_eq!(Address::from_arn(&address.arn("aws", "us-east-1", "012345678901")), Some(named));
        }
        assert_eq!(Address::from_arn("arn:aws:elasticache:us-east-1:012345678901:cluster:orders-001"), None);
        assert_eq!(Address::from_arn("arn:aws:sns:us-east-1:012345678901:user:app"), None);
    }
}
