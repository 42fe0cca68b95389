#!/usr/bin/env bash
# What a careful script of AWS CLI calls does for the same stack: list calls where AWS has them, ten
# parallel processes where it does not. Usage: peer.sh AWS GROUPS PARAMETER_GROUPS create|plan|drift
set -euo pipefail
aws=$1 groups=$2 parameter_groups=$3 task=$4
tag=Key=cachectl:stack,Value=bench
export aws tag parameter_groups

each() { seq 0 $(($1 - 1)) | xargs -P 10 -I __ bash -euo pipefail -c "$2"; }

read_all() {
  $aws sts get-caller-identity > identity.json
  $aws elasticache describe-replication-groups > groups.json
  $aws elasticache describe-cache-clusters --show-cache-node-info > members.json
  $aws elasticache describe-cache-parameter-groups > parameter-groups.json
  $aws elasticache describe-cache-subnet-groups > subnet-groups.json
  $aws cloudwatch describe-alarms > alarms.json
  $aws resourcegroupstaggingapi get-resources --tag-filters Key=cachectl:stack,Values=bench > tags.json
  each "$parameter_groups" '$aws elasticache describe-cache-parameters --source user \
    --cache-parameter-group-name bench-params-__ > parameters-__.json'
}

case $task in
  create)
    $aws elasticache create-cache-subnet-group --cache-subnet-group-name bench-subnets \
      --cache-subnet-group-description bench --subnet-ids subnet-private-1a subnet-private-1b --tags "$tag" > /dev/null
    each "$parameter_groups" '$aws elasticache create-cache-parameter-group --cache-parameter-group-name bench-params-__ \
      --cache-parameter-group-family valkey7 --description bench --tags "$tag" > /dev/null
      $aws elasticache modify-cache-parameter-group --cache-parameter-group-name bench-params-__ \
      --parameter-name-values ParameterName=maxmemory-policy,ParameterValue=allkeys-lru > /dev/null'
    each "$groups" '$aws elasticache create-replication-group --replication-group-id bench-__ \
      --replication-group-description "One of many" --engine valkey --engine-version 7.2 --num-cache-clusters 1 \
      --cache-node-type cache.t4g.small --transit-encryption-enabled --cache-subnet-group-name bench-subnets \
      --cache-parameter-group-name "bench-params-$((__ % parameter_groups))" --tags "$tag" > /dev/null
      $aws elasticache wait replication-group-available --replication-group-id bench-__
      for metric in EngineCPUUtilization Evictions CurrConnections; do
        $aws cloudwatch put-metric-alarm --alarm-name "bench-__-001-$metric" --namespace AWS/ElastiCache \
          --metric-name "$metric" --dimensions Name=CacheClusterId,Value=bench-__-001 --statistic Average --period 60 \
          --evaluation-periods 5 --threshold 90 --comparison-operator GreaterThanThreshold --tags "$tag"
      done'
    ;;
  plan) read_all ;;
  drift)
    read_all
    $aws elasticache modify-replication-group --replication-group-id bench-0 --apply-immediately \
      --replication-group-description Repaired > /dev/null
    $aws elasticache wait replication-group-available --replication-group-id bench-0
    read_all
    ;;
esac
