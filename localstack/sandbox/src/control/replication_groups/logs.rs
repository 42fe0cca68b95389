//! Log delivery: at most one destination for the slow log and one for the engine log.

use crate::refusal::Refusal;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogDelivery {
    pub log_type: String,
    pub destination_type: String,
    pub destination: String,
    pub format: String,
    /// `false` asks for the delivery to end.
    pub enabled: bool,
    pub status: &'static str,
    /// Why a delivery is in `error`.
    pub message: Option<String>,
}

impl LogDelivery {
    pub(crate) fn read(input: &Input) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(items) = input.list("LogDeliveryConfigurations") else {
            return Ok(None);
        };
        let mut found: Vec<Self> = Vec::new();
        for item in items {
            let delivery = Self::read_one(item)?;
            if found.iter().any(|other| other.log_type == delivery.log_type) {
                return Err(Refusal::invalid_value(format!(
                    "Duplicate log type {} in LogDeliveryConfigurations",
                    delivery.log_type
                )));
            }
            found.push(delivery);
        }
        Ok(Some(found))
    }

    fn read_one(item: &Input) -> Result<Self, Refusal> {
        let log_type = item.required("LogType")?;
        one_of("LogType", &log_type, &["slow-log", "engine-log"])?;
        let enabled = item.bool("Enabled")?.unwrap_or(true);
        if !enabled {
            return Ok(LogDelivery {
                log_type,
                destination_type: String::new(),
                destination: String::new(),
                format: String::new(),
                enabled,
                status: "disabling",
                message: None,
            });
        }
        let destination_type = item.required("DestinationType")?;
        let destinations = ["cloudwatch-logs", "kinesis-firehose"];
        one_of("DestinationType", &destination_type, &destinations)?;
        let format = item.required("LogFormat")?;
        one_of("LogFormat", &format, &["text", "json"])?;
        let (member, name) = if destination_type == "cloudwatch-logs" {
            ("CloudWatchLogsDetails", "LogGroup")
        } else {
            ("KinesisFirehoseDetails", "DeliveryStream")
        };
        let destination = item
            .get("DestinationDetails")
            .and_then(|details| details.get(member))
            .and_then(|details| details.text(name))
            .ok_or_else(|| {
                Refusal::invalid_value(format!("DestinationDetails.{member}.{name} is required for {destination_type}"))
            })?;
        Ok(LogDelivery { log_type, destination_type, destination, format, enabled, status: "enabling", message: None })
    }

    pub(crate) fn render_pending(&self) -> Record {
        if !self.enabled {
            return Record::new().put("LogType", &self.log_type);
        }
        let details = if self.destination_type == "cloudwatch-logs" {
            let inner = Record::new().put("LogGroup", &self.destination);
            Record::new().put("CloudWatchLogsDetails", inner)
        } else {
            let inner = Record::new().put("DeliveryStream", &self.destination);
            Record::new().put("KinesisFirehoseDetails", inner)
        };
        Record::new()
            .put("LogType", &self.log_type)
            .put("DestinationType", &self.destination_type)
            .put("DestinationDetails", details)
            .put("LogFormat", &self.format)
    }

    pub(crate) fn render(&self) -> Output {
        self.render_pending().put("Status", self.status).put_some("Message", self.message.as_ref()).into()
    }

    /// Accepted, and yet nothing arrives; the group is `available` all the same.
    pub(crate) fn fail(&mut self) {
        self.status = "error";
        self.message = Some(format!("Access denied to the log delivery destination {}.", self.destination));
    }
}

/// Carries out what was asked for, log type by log type.
pub(crate) fn merge(live: &mut Vec<LogDelivery>, wanted: &[LogDelivery]) {
    for delivery in wanted {
        live.retain(|other| other.log_type != delivery.log_type);
        if delivery.enabled {
            live.push(LogDelivery { status: "active", ..delivery.clone() });
        }
    }
    live.sort_by(|a, b| a.log_type.cmp(&b.log_type));
}

pub(crate) fn one_of(member: &str, value: &str, allowed: &[&str]) -> Result<(), Refusal> {
    if allowed.contains(&value) {
        Ok(())
    } else {
        Err(Refusal::invalid_value(format!("Invalid value {value} for {member}. Valid values: {}", allowed.join(", "))))
    }
}
