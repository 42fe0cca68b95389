#!/usr/bin/env python3
"""Calls every operation of the sandbox through boto3 and holds each answer against botocore's model.

    python3 -m venv .venv && .venv/bin/pip install "boto3>=1.44.8" cbor2      # older models lack newer members
    cargo build -p cachectl-sandbox
    .venv/bin/python localstack/conformance.py [--binary target/debug/cachectl-sandbox]

An answer passes when every member in it is in the model, has the model's type and, where the model
lists values, one of those; an error passes when its code is one the model (or AWS in common) knows and
has the status the model gives it. Ends with 1 when anything failed or an operation was never called.
"""
import argparse
import datetime
import json
import subprocess
import sys
import urllib.request
import xml.etree.ElementTree as ET

import boto3
import cbor2
from botocore.config import Config
from botocore.exceptions import ClientError

TARGETS = {
    "elasticache": """CreateReplicationGroup ModifyReplicationGroup DeleteReplicationGroup DescribeReplicationGroups
        IncreaseReplicaCount DecreaseReplicaCount ModifyReplicationGroupShardConfiguration TestFailover RebootCacheCluster
        ListAllowedNodeTypeModifications DescribeCacheClusters DescribeCacheEngineVersions DescribeUpdateActions
        DescribeServiceUpdates DescribeEvents CreateCacheParameterGroup ModifyCacheParameterGroup ResetCacheParameterGroup
        DeleteCacheParameterGroup DescribeCacheParameterGroups DescribeCacheParameters DescribeEngineDefaultParameters
        CreateCacheSubnetGroup ModifyCacheSubnetGroup DeleteCacheSubnetGroup DescribeCacheSubnetGroups CreateServerlessCache
        ModifyServerlessCache DeleteServerlessCache DescribeServerlessCaches CreateUser ModifyUser DeleteUser DescribeUsers
        CreateUserGroup ModifyUserGroup DeleteUserGroup DescribeUserGroups CreateSnapshot DeleteSnapshot DescribeSnapshots
        CreateServerlessCacheSnapshot DeleteServerlessCacheSnapshot DescribeServerlessCacheSnapshots AddTagsToResource
        RemoveTagsFromResource ListTagsForResource""",
    "cloudwatch": """PutMetricAlarm PutCompositeAlarm DescribeAlarms DeleteAlarms SetAlarmState EnableAlarmActions
        DisableAlarmActions TagResource UntagResource ListTagsForResource PutDashboard GetDashboard ListDashboards
        DeleteDashboards PutMetricData GetMetricData ListMetrics""",
    "sts": "GetCallerIdentity",
    "resourcegroupstaggingapi": "GetResources",
    "secretsmanager": "GetSecretValue",
    "ssm": "GetParameter",
}
# Codes that AWS's front end answers with for any service.
COMMON = {"InvalidAction", "MalformedInput", "Throttling", "AccessDenied", "InternalFailure", "ServiceUnavailable",
          "ValidationError", "UnknownOperationException", "InvalidParameterValue", "InvalidParameterCombination",
          "MissingParameter", "InvalidUserState"}

problems, called = [], {name: set() for name in TARGETS}


def note(where, what):
    problems.append(f"{where}: {what}")


def scalar(where, shape, text):
    kind = shape.type_name
    if kind in ("integer", "long"):
        ok = text.lstrip("-").isdigit()
    elif kind in ("double", "float"):
        try:
            float(text)
            ok = True
        except ValueError:
            ok = False
    elif kind == "boolean":
        ok = text in ("true", "false")
    elif kind == "timestamp":
        try:
            datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            ok = True
        except ValueError:
            ok = False
    else:
        ok = not shape.metadata.get("enum") or text in shape.metadata["enum"]
    if not ok:
        note(where, f"{text!r} is no {kind} of shape {shape.name}")


def walk_xml(where, shape, node):
    tag = lambda child: child.tag.split("}")[-1]
    if shape.type_name == "structure":
        seen = set()
        for child in node:
            name = tag(child)
            if name not in shape.members:
                note(where, f"unknown member {name} of {shape.name}")
                continue
            if name in seen:
                note(where, f"member {name} of {shape.name} is there twice")
            seen.add(name)
            walk_xml(f"{where}.{name}", shape.members[name], child)
    elif shape.type_name == "list":
        element = shape.member.serialization.get("name", "member")
        for child in node:
            if tag(child) != element:
                note(where, f"list element {tag(child)} instead of {element}")
            walk_xml(f"{where}[]", shape.member, child)
    else:
        if len(node):
            note(where, f"a structure where the model has a {shape.type_name}")
        scalar(where, shape, node.text or "")


def walk_value(where, shape, value):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return note(where, f"{value!r} is no structure")
        for name, member in value.items():
            if name not in shape.members:
                note(where, f"unknown member {name} of {shape.name}")
            else:
                walk_value(f"{where}.{name}", shape.members[name], member)
    elif kind == "list":
        for item in value:
            walk_value(f"{where}[]", shape.member, item)
    elif kind in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            note(where, f"{value!r} is no {kind}")
    elif kind in ("double", "float"):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            note(where, f"{value!r} is no {kind}")
    elif kind == "boolean":
        if not isinstance(value, bool):
            note(where, f"{value!r} is no boolean")
    elif kind == "timestamp":
        if not isinstance(value, (int, float, datetime.datetime)):
            note(where, f"{value!r} is no timestamp")
    elif not isinstance(value, str):
        note(where, f"{value!r} is no string")
    elif shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        note(where, f"{value!r} is not in the enum {shape.name}")


def inspect(service):
    def hook(operation_model, response_dict, **_):
        where = f"{service}.{operation_model.name}"
        called[service].add(operation_model.name)
        status, body = response_dict["status_code"], response_dict["body"]
        content = response_dict["headers"].get("content-type", "")
        if status >= 300:
            return check_error(where, operation_model, status, content, body, response_dict["headers"])
        output = operation_model.output_shape
        if content == "text/xml":
            root = ET.fromstring(body)
            result = [child for child in root if child.tag.endswith("Result")]
            if output is None:
                if result:
                    note(where, "a result where the model has none")
                return
            wrapper = output.serialization.get("resultWrapper")
            if not result or result[0].tag.split("}")[-1] != wrapper:
                return note(where, f"no {wrapper}")
            walk_xml(where, output, result[0])
        else:
            value = cbor2.loads(body) if content == "application/cbor" else json.loads(body)
            if output is None:
                if value:
                    note(where, "members where the model has none")
                return
            walk_value(where, output, value)
    return hook


def check_error(where, model, status, content, body, headers):
    if content == "text/xml":
        code = ET.fromstring(body).find(".//{*}Code").text
    else:
        value = cbor2.loads(body) if content == "application/cbor" else json.loads(body)
        code = headers.get("x-amzn-query-error", "").split(";")[0] or value["__type"].split("#")[-1]
    known = {}
    for shape in model.error_shapes:
        error = shape.metadata.get("error", {})
        known[error.get("code", shape.name)] = error.get("httpStatusCode")
    if code not in known and code not in COMMON:
        note(where, f"error code {code} is not in the model: {sorted(known)}")
    elif known.get(code) not in (None, status):
        note(where, f"error {code} has status {status}, the model says {known[code]}")


class Sandbox:
    def __init__(self, binary, *arguments):
        command = [binary, "--port", "0", "--data-plane", "off", "--exit-with-stdin", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoint = self.process.stdout.readline().strip()

    def client(self, service):
        client = boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="sandbox",
                              aws_secret_access_key="sandbox", config=Config(retries={"max_attempts": 0}))
        client.meta.events.register(f"before-parse.{service}.*", inspect(service))
        return client

    def door(self, method, path, body):
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data=body.encode(), method=method)
        urllib.request.urlopen(request).read()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            note(str(arguments), f"expected {code}, got {error}")
        return
    note(str(arguments), f"expected {code}, but it was accepted")


TAGS = [{"Key": "cachectl:stack", "Value": "conformance"}]
TOKEN = "a-token-of-enough-length"


def replication_groups(ec):
    ec.create_cache_subnet_group(CacheSubnetGroupName="Subnets", CacheSubnetGroupDescription="d", Tags=TAGS,
                                 SubnetIds=["subnet-private-1a", "subnet-private-1b"])
    ec.modify_cache_subnet_group(CacheSubnetGroupName="subnets", SubnetIds=["subnet-private-1a", "subnet-private-1b", "subnet-private-1c"])
    ec.create_cache_parameter_group(CacheParameterGroupName="Params", CacheParameterGroupFamily="valkey8", Description="d", Tags=TAGS)
    ec.modify_cache_parameter_group(CacheParameterGroupName="params", ParameterNameValues=[
        {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}, {"ParameterName": "timeout", "ParameterValue": "60"}])
    ec.reset_cache_parameter_group(CacheParameterGroupName="params", ParameterNameValues=[{"ParameterName": "timeout"}])
    list(ec.get_paginator("describe_cache_parameters").paginate(CacheParameterGroupName="params"))
    list(ec.get_paginator("describe_engine_default_parameters").paginate(CacheParameterGroupFamily="redis7"))
    ec.describe_cache_parameter_groups(CacheParameterGroupName="params")
    ec.describe_cache_subnet_groups(CacheSubnetGroupName="subnets")
    log = {"LogType": "slow-log", "DestinationType": "cloudwatch-logs", "LogFormat": "json",
           "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "g"}}}
    group = ec.create_replication_group(
        ReplicationGroupId="Plain", ReplicationGroupDescription="d & <d>", Engine="valkey", EngineVersion="8.0", CacheNodeType="cache.r7g.large",
        NumCacheClusters=2, AutomaticFailoverEnabled=True, MultiAZEnabled=True, TransitEncryptionEnabled=True, CacheSubnetGroupName="subnets",
        CacheParameterGroupName="params", Tags=TAGS, NotificationTopicArn="arn:aws:sns:us-east-1:012345678901:t", LogDeliveryConfigurations=[log],
        SnapshotRetentionLimit=3, KmsKeyId="arn:aws:kms:us-east-1:012345678901:key/k")["ReplicationGroup"]
    if group["Description"] != "d & <d>":
        note("CreateReplicationGroup", "text does not survive")
    ec.create_replication_group(ReplicationGroupId="clustered", ReplicationGroupDescription="d", Engine="valkey", CacheNodeType="cache.r7g.large",
                                NumNodeGroups=2, ReplicasPerNodeGroup=1)
    ec.describe_replication_groups()
    ec.describe_cache_clusters(ShowCacheNodeInfo=True)
    ec.list_allowed_node_type_modifications(ReplicationGroupId="plain")
    refused("InvalidParameterCombination", ec.modify_replication_group, ReplicationGroupId="plain")
    ec.modify_replication_group(ReplicationGroupId="plain", CacheNodeType="cache.r7g.xlarge", EngineVersion="8.1", ApplyImmediately=False)
    pending = ec.describe_cache_clusters(CacheClusterId="plain-001")["CacheClusters"][0]["PendingModifiedValues"]
    if (pending.get("CacheNodeType"), pending.get("EngineVersion")) != ("cache.r7g.xlarge", "8.1.0"):
        note("DescribeCacheClusters", f"pending values are {pending}")
    for change in [
        {"ReplicationGroupDescription": "other"},
        {"AuthToken": TOKEN, "AuthTokenUpdateStrategy": "ROTATE"},
        {"AuthToken": TOKEN, "AuthTokenUpdateStrategy": "SET"},
        {"LogDeliveryConfigurations": [{"LogType": "slow-log", "Enabled": False}]},
        {"NotificationTopicArn": "", "NotificationTopicStatus": "inactive"},
        {"AutoMinorVersionUpgrade": False, "SnapshotWindow": "01:00-02:00", "PreferredMaintenanceWindow": "SUN:03:00-SUN:04:00"},
    ]:
        ec.modify_replication_group(ReplicationGroupId="plain", ApplyImmediately=True, **change)
        ec.describe_replication_groups(ReplicationGroupId="plain")
    ec.increase_replica_count(ReplicationGroupId="plain", NewReplicaCount=2, ApplyImmediately=True)
    ec.decrease_replica_count(ReplicationGroupId="plain", NewReplicaCount=1, ApplyImmediately=True)
    ec.modify_replication_group_shard_configuration(ReplicationGroupId="clustered", NodeGroupCount=3, ApplyImmediately=True)
    ec.test_failover(ReplicationGroupId="plain", NodeGroupId="0001")
    ec.reboot_cache_cluster(CacheClusterId="plain-001", CacheNodeIdsToReboot=["0001"])
    arn = group["ARN"]
    ec.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "team", "Value": "platform"}])
    ec.list_tags_for_resource(ResourceName=arn)
    ec.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
    ec.create_snapshot(ReplicationGroupId="plain", SnapshotName="snap", Tags=TAGS)
    ec.describe_snapshots(ShowNodeGroupConfig=True)
    ec.create_replication_group(ReplicationGroupId="restored", ReplicationGroupDescription="d", SnapshotName="snap", NumCacheClusters=1)
    ec.describe_cache_engine_versions()
    ec.describe_update_actions()
    ec.describe_service_updates()


def access(ec):
    ec.create_user(UserId="App", UserName="app", Engine="valkey", AccessString="on ~app:* +@read", Passwords=["p" * 16], Tags=TAGS)
    ec.create_user(UserId="iam-user", UserName="iam-user", Engine="valkey", AccessString="on ~* +@all", AuthenticationMode={"Type": "iam"})
    ec.modify_user(UserId="app", AppendAccessString="+@write")
    ec.describe_users()
    ec.describe_users(Filters=[{"Name": "user-name", "Values": ["app"]}])
    ec.create_user_group(UserGroupId="team", Engine="valkey", UserIds=["app"])
    ec.modify_user_group(UserGroupId="team", UserIdsToAdd=["iam-user"])
    ec.describe_user_groups()
    ec.modify_replication_group(ReplicationGroupId="plain", AuthTokenUpdateStrategy="DELETE", UserGroupIdsToAdd=["team"], ApplyImmediately=True)
    ec.describe_user_groups(UserGroupId="team")
    ec.create_serverless_cache(ServerlessCacheName="Serverless", Engine="valkey", Description="d", UserGroupId="team", SnapshotRetentionLimit=1, Tags=TAGS,
                               CacheUsageLimits={"DataStorage": {"Maximum": 10, "Unit": "GB"}, "ECPUPerSecond": {"Maximum": 10000}})
    ec.describe_serverless_caches()
    ec.modify_serverless_cache(ServerlessCacheName="serverless", Description="other")
    ec.create_serverless_cache_snapshot(ServerlessCacheName="serverless", ServerlessCacheSnapshotName="ssnap")
    ec.describe_serverless_cache_snapshots()
    ec.delete_serverless_cache_snapshot(ServerlessCacheSnapshotName="ssnap")


def errors(ec):
    for code, call, arguments in [
        ("ReplicationGroupNotFoundFault", ec.describe_replication_groups, {"ReplicationGroupId": "none"}),
        ("CacheClusterNotFound", ec.describe_cache_clusters, {"CacheClusterId": "none"}),
        ("CacheParameterGroupNotFound", ec.describe_cache_parameters, {"CacheParameterGroupName": "none"}),
        ("CacheSubnetGroupNotFoundFault", ec.describe_cache_subnet_groups, {"CacheSubnetGroupName": "none"}),
        ("ServerlessCacheNotFoundFault", ec.describe_serverless_caches, {"ServerlessCacheName": "none"}),
        ("UserNotFound", ec.describe_users, {"UserId": "none"}),
        ("UserGroupNotFound", ec.describe_user_groups, {"UserGroupId": "none"}),
        ("SnapshotNotFoundFault", ec.describe_snapshots, {"SnapshotName": "none"}),
        ("ReplicationGroupAlreadyExists", ec.create_replication_group, {"ReplicationGroupId": "plain", "ReplicationGroupDescription": "d", "CacheNodeType": "cache.t4g.small"}),
        ("CacheParameterGroupAlreadyExists", ec.create_cache_parameter_group, {"CacheParameterGroupName": "params", "CacheParameterGroupFamily": "valkey8", "Description": "d"}),
        ("CacheSubnetGroupInUse", ec.delete_cache_subnet_group, {"CacheSubnetGroupName": "subnets"}),
        ("InvalidCacheParameterGroupState", ec.delete_cache_parameter_group, {"CacheParameterGroupName": "params"}),
        ("InvalidUserGroupState", ec.delete_user_group, {"UserGroupId": "team"}),
        ("NoOperationFault", ec.increase_replica_count, {"ReplicationGroupId": "plain", "NewReplicaCount": 1, "ApplyImmediately": True}),
        ("TestFailoverNotAvailableFault", ec.test_failover, {"ReplicationGroupId": "restored", "NodeGroupId": "0001"}),
        ("NodeGroupNotFoundFault", ec.test_failover, {"ReplicationGroupId": "plain", "NodeGroupId": "0009"}),
        ("TagNotFound", ec.remove_tags_from_resource, {"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:subnetgroup:subnets", "TagKeys": ["none"]}),
        ("InvalidARN", ec.list_tags_for_resource, {"ResourceName": "arn:nonsense"}),
        ("DefaultUserRequired", ec.create_user_group, {"UserGroupId": "g", "Engine": "redis", "UserIds": ["app2"]}),
    ]:
        if code == "DefaultUserRequired":
            ec.create_user(UserId="app2", UserName="app2", Engine="redis", AccessString="on ~* +@all", NoPasswordRequired=True)
        refused(code, call, **arguments)


def clean_up(ec):
    ec.delete_serverless_cache(ServerlessCacheName="serverless", FinalSnapshotName="last")
    ec.delete_replication_group(ReplicationGroupId="plain", FinalSnapshotIdentifier="final")
    ec.delete_replication_group(ReplicationGroupId="clustered")
    ec.delete_replication_group(ReplicationGroupId="restored")
    ec.delete_user_group(UserGroupId="team")
    ec.delete_user(UserId="app")
    ec.delete_snapshot(SnapshotName="snap")
    ec.delete_cache_parameter_group(CacheParameterGroupName="params")
    ec.delete_cache_subnet_group(CacheSubnetGroupName="subnets")
    ec.describe_events(Duration=60)


def newer_members(sandbox, ec):
    """What AWS added in the autumn of 2026."""
    ec.create_replication_group(ReplicationGroupId="durable", ReplicationGroupDescription="d", Engine="valkey", EngineVersion="9.0", CacheNodeType="cache.r8g.large",
                                NumNodeGroups=1, ReplicasPerNodeGroup=1, ClusterMode="enabled", MultiAZEnabled=True, TransitEncryptionEnabled=True, Durability="async")
    ec.modify_replication_group(ReplicationGroupId="durable", Durability="sync", ApplyImmediately=True)
    group = ec.describe_replication_groups(ReplicationGroupId="durable")["ReplicationGroups"][0]
    if [group["Durability"], group["EffectiveDurability"], group["StorageEncryptionType"]] != ["sync", "sync", "sse-elasticache"]:
        note("DescribeReplicationGroups", f"durability is {group}")
    sandbox.door("POST", "service-update", json.dumps({"name": "update", "groups": ["durable"]}))
    due = ec.describe_update_actions(ReplicationGroupIds=["durable"])["UpdateActions"]
    if [action["UpdateActionStatus"] for action in due] != ["not-applied"]:
        note("DescribeUpdateActions", f"{due}")
    ec.describe_service_updates()
    sandbox.door("POST", "global-datastore", json.dumps({"group": "durable", "id": "ldgnf-x"}))
    ec.describe_replication_groups()
    refused("InvalidParameterValue", ec.delete_replication_group, ReplicationGroupId="durable")
    sandbox.door("POST", "global-datastore", json.dumps({"group": "durable"}))
    ec.delete_replication_group(ReplicationGroupId="durable")
    ec.create_serverless_cache(ServerlessCacheName="public", Engine="valkey", MajorEngineVersion="9", ConnectionType="public",
                               UserGroupId="default.iam-user-group", Integrations=[{"IntegrationType": "dynamodb"}])
    ec.describe_serverless_caches()
    ec.delete_serverless_cache(ServerlessCacheName="public")
    sandbox.door("POST", "fail", json.dumps({"kind": "log-delivery-failed"}))
    log = {"LogType": "engine-log", "DestinationType": "kinesis-firehose", "LogFormat": "text", "DestinationDetails": {"KinesisFirehoseDetails": {"DeliveryStream": "s"}}}
    ec.modify_replication_group(ReplicationGroupId="plain", LogDeliveryConfigurations=[log], ApplyImmediately=True)
    if ec.describe_replication_groups(ReplicationGroupId="plain")["ReplicationGroups"][0]["LogDeliveryConfigurations"][0]["Status"] != "error":
        note("DescribeReplicationGroups", "the log delivery is not in error")


def metrics(sandbox, cw):
    """Two weeks of five hundred metrics: more datapoints than one answer holds."""
    seeded = [{"name": "CacheHits", "dimensions": {"CacheClusterId": f"c-{number}"}, "values": [number]} for number in range(500)]
    sandbox.door("POST", "metrics", json.dumps({"metrics": seeded}))
    now = datetime.datetime.now(datetime.timezone.utc)
    queries = [{"Id": f"q{number}", "MetricStat": {"Period": 3600, "Stat": "Average", "Metric": {
        "Namespace": "AWS/ElastiCache", "MetricName": "CacheHits", "Dimensions": [{"Name": "CacheClusterId", "Value": f"c-{number}"}]}}} for number in range(500)]
    span = {"StartTime": now - datetime.timedelta(days=14), "EndTime": now}
    pages = list(cw.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, **span))
    points, values = {}, {}
    for result in (result for page in pages for result in page["MetricDataResults"]):
        points.setdefault(result["Id"], []).extend(result["Timestamps"])
        values.setdefault(result["Id"], set()).update(result["Values"])
    counts = {len(times) for times in points.values()}
    if len(pages) != 2 or len(points) != 500 or min(counts) < 336 or any(len(set(times)) != len(times) for times in points.values()):
        note("GetMetricData", f"{len(pages)} pages, {len(points)} metrics, {counts} points")
    if any(found != {float(name[1:])} for name, found in values.items()):
        note("GetMetricData", "a metric has another's values")
    refused("ValidationError", cw.get_metric_data, MetricDataQueries=[*queries, {**queries[0], "Id": "more"}], **span)
    if sum(len(page["Metrics"]) for page in cw.get_paginator("list_metrics").paginate(MetricName="CacheHits")) != 500:
        note("ListMetrics", "paging loses metrics")


def cloudwatch(cw):
    metric = {"Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "Dimensions": [{"Name": "CacheClusterId", "Value": "plain-001"}]}
    cw.put_metric_alarm(AlarmName="plain", **metric, Statistic="Sum", Period=60, EvaluationPeriods=3, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        Tags=TAGS, AlarmActions=["arn:aws:sns:us-east-1:012345678901:t"], TreatMissingData="notBreaching", Unit="Count",
                        WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 15, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": True},
                        EvaluationWindow={"SlidingWindow": {}}, ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True, "ExcludedTagKeys": ["k"]}})
    cw.put_metric_alarm(AlarmName="math", EvaluationPeriods=3, DatapointsToAlarm=2, Threshold=0.5, ComparisonOperator="GreaterThanThreshold", Metrics=[
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}, {"Id": "e", "Expression": "m * 2", "Label": "twice"}])
    cw.put_metric_alarm(AlarmName="band", EvaluationPeriods=3, ThresholdMetricId="b", ComparisonOperator="GreaterThanUpperThreshold", Metrics=[
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}, {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"}])
    cw.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(plain) AND ALARM(math)", ActionsSuppressor="band", ActionsSuppressorWaitPeriod=60, ActionsSuppressorExtensionPeriod=60)
    cw.set_alarm_state(AlarmName="plain", StateValue="ALARM", StateReason="r")
    cw.disable_alarm_actions(AlarmNames=["plain"])
    cw.enable_alarm_actions(AlarmNames=["plain"])
    found = cw.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    if [len(found["MetricAlarms"]), len(found["CompositeAlarms"])] != [3, 1]:
        note("DescribeAlarms", "not every alarm is there")
    plain = next(alarm for alarm in found["MetricAlarms"] if alarm["AlarmName"] == "plain")
    if plain["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] != 15 or plain["EvaluationWindow"] != {"SlidingWindow": {}}:
        note("DescribeAlarms", f"newer members are lost: {plain}")
    arn = cw.describe_alarms(AlarmNames=["plain"])["MetricAlarms"][0]["AlarmArn"]
    cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "platform"}])
    cw.untag_resource(ResourceARN=arn, TagKeys=["team"])
    if cw.list_tags_for_resource(ResourceARN=arn)["Tags"] != TAGS:
        note("ListTagsForResource", "tags differ")
    refused("ValidationError", cw.delete_alarms, AlarmNames=["plain"])
    refused("ResourceNotFound", cw.delete_alarms, AlarmNames=["none"])
    refused("ResourceNotFoundException", cw.list_tags_for_resource, ResourceARN="arn:aws:cloudwatch:us-east-1:012345678901:alarm:none")
    refused("InvalidNextToken", cw.describe_alarms, NextToken="bogus")
    cw.delete_alarms(AlarmNames=["both"])
    cw.delete_alarms(AlarmNames=["math", "band"])
    cw.put_dashboard(DashboardName="board", DashboardBody=json.dumps({"widgets": []}))
    refused("InvalidParameterInput", cw.put_dashboard, DashboardName="board", DashboardBody="{")
    cw.get_dashboard(DashboardName="board")
    cw.list_dashboards()
    cw.delete_dashboards(DashboardNames=["board"])
    refused("ResourceNotFound", cw.get_dashboard, DashboardName="board")
    now = datetime.datetime.now(datetime.timezone.utc)
    cw.put_metric_data(Namespace="AWS/ElastiCache", MetricData=[{"MetricName": "Evictions", "Value": 3, "Timestamp": now, "Dimensions": metric["Dimensions"]}])
    cw.list_metrics(Namespace="AWS/ElastiCache")
    data = cw.get_metric_data(StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5), MetricDataQueries=[
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}, {"Id": "e", "Expression": "m + 1"}])
    if data["MetricDataResults"][0]["Values"] != [3.0]:
        note("GetMetricData", f"{data['MetricDataResults']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/debug/cachectl-sandbox")
    binary = parser.parse_args().binary
    # Instant, so that the walk is one call after the other; then slow, so that the states in between are seen too.
    sandbox = Sandbox(binary, "--time-scale", "0")
    ec = sandbox.client("elasticache")
    replication_groups(ec)
    access(ec)
    errors(ec)
    sandbox.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "cachectl:stack"}], ResourceTypeFilters=["elasticache"])
    newer_members(sandbox, ec)
    clean_up(ec)
    cloudwatch(sandbox.client("cloudwatch"))
    metrics(sandbox, sandbox.client("cloudwatch"))
    sandbox.client("sts").get_caller_identity()
    sandbox.door("PUT", "secrets/prod%2Fcache", json.dumps({"token": TOKEN}))
    sandbox.door("PUT", "parameters/token", TOKEN)
    secret = sandbox.client("secretsmanager").get_secret_value(SecretId="prod/cache")
    parameter = sandbox.client("ssm").get_parameter(Name="token", WithDecryption=True)["Parameter"]
    if json.loads(secret["SecretString"])["token"] != TOKEN or parameter["Value"] != TOKEN:
        note("secrets", "the values differ")
    sandbox.stop()
    slow = Sandbox(binary, "--time-scale", "1", "--page-size", "2")
    ec = slow.client("elasticache")
    ec.create_replication_group(ReplicationGroupId="slow", ReplicationGroupDescription="d", Engine="redis", CacheNodeType="cache.r6g.large", NumCacheClusters=3)
    for _ in range(2):
        ec.describe_replication_groups()
    members = [c for page in ec.get_paginator("describe_cache_clusters").paginate(ShowCacheNodeInfo=True) for c in page["CacheClusters"]]
    if [c["CacheClusterStatus"] for c in members] != ["creating"] * 3:
        note("DescribeCacheClusters", "paging loses members, or they do not lag")
    refused("InvalidReplicationGroupState", ec.modify_replication_group, ReplicationGroupId="slow", ReplicationGroupDescription="x")
    refused("InvalidReplicationGroupState", ec.list_tags_for_resource, ResourceName="arn:aws:elasticache:us-east-1:012345678901:replicationgroup:slow")
    ec.create_serverless_cache(ServerlessCacheName="slow", Engine="memcached")
    ec.describe_serverless_caches()
    slow.stop()
    for service, names in TARGETS.items():
        for name in sorted(set(names.split()) - called[service]):
            note(f"{service}.{name}", "was never called")
    for problem in problems:
        print(problem)
    count = sum(len(names) for names in called.values())
    print(f"{count} operations called, {len(problems)} problems (botocore {boto3.session.Session()._session.user_agent_version})")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
