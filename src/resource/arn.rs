//! ARNs: which resource one names, and which one names a resource.

use serde_json::Value;

use crate::model::{Address, Kind, Live};

impl Address {
    pub fn arn(&self, partition: &str, region: &str, account: &str) -> String {
        let service = if self.kind == Kind::Alarm { "cloudwatch" } else { "elasticache" };
        format!("arn:{partition}:{service}:{region}:{account}:{}:{}", self.kind.arn_type(), self.id)
    }

    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(7, ':').skip(5);
        let (kind, id) = (parts.next()?, parts.next()?);
        let kind = Kind::ALL.into_iter().find(|candidate| candidate.arn_type() == kind)?;
        Some(Self::new(kind, id))
    }
}

impl Live {
    pub fn arn(&self, address: &Address) -> String {
        self.get(address)
            .and_then(|own| own.get("ARN").or_else(|| own.get("AlarmArn")))
            .and_then(Value::as_str)
            .map_or_else(
                || {
                    address.arn(
                        if self.partition.is_empty() { "aws" } else { &self.partition },
                        &self.region,
                        &self.account_id,
                    )
                },
                str::to_owned,
            )
    }
}
