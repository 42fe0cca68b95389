#!/usr/bin/env python3
"""The commands of peer.sh by an AWS CLI that is loaded once in each of ten workers, in place of one process a command.

    peer.py GROUPS PARAMETER_GROUPS create|plan|drift

Runs on the Python that awscli is installed in.
"""

import contextlib
import io
import multiprocessing
import sys

TAG = "Key=cachectl:stack,Value=bench"
METRICS = ["EngineCPUUtilization", "Evictions", "CurrConnections"]
WORKERS = 10
driver = None


def aws(*arguments):
    global driver
    if driver is None:
        from awscli.clidriver import create_clidriver

        driver = create_clidriver()
    with contextlib.redirect_stdout(io.StringIO()):
        status = driver.main(list(arguments))
    if status != 0:
        raise SystemExit(f"aws {' '.join(arguments)} ended with {status}")


def parameter_group(number):
    name = f"bench-params-{number}"
    aws("elasticache", "create-cache-parameter-group", "--cache-parameter-group-name", name,
        "--cache-parameter-group-family", "valkey7", "--description", "bench", "--tags", TAG)
    aws("elasticache", "modify-cache-parameter-group", "--cache-parameter-group-name", name,
        "--parameter-name-values", "ParameterName=maxmemory-policy,ParameterValue=allkeys-lru")


def group(task):
    number, parameter_groups = task
    name = f"bench-{number}"
    aws("elasticache", "create-replication-group", "--replication-group-id", name,
        "--replication-group-description", "One of many", "--engine", "valkey", "--engine-version", "7.2",
        "--num-cache-clusters", "1", "--cache-node-type", "cache.t4g.small", "--transit-encryption-enabled",
        "--cache-subnet-group-name", "bench-subnets",
        "--cache-parameter-group-name", f"bench-params-{number % parameter_groups}", "--tags", TAG)
    aws("elasticache", "wait", "replication-group-available", "--replication-group-id", name)
    for metric in METRICS:
        aws("cloudwatch", "put-metric-alarm", "--alarm-name", f"{name}-001-{metric}", "--namespace", "AWS/ElastiCache",
            "--metric-name", metric, "--dimensions", f"Name=CacheClusterId,Value={name}-001", "--statistic", "Average",
            "--period", "60", "--evaluation-periods", "5", "--threshold", "90",
            "--comparison-operator", "GreaterThanThreshold", "--tags", TAG)


def parameters(number):
    aws("elasticache", "describe-cache-parameters", "--source", "user", "--cache-parameter-group-name", f"bench-params-{number}")


def create(each, groups, parameter_groups):
    aws("elasticache", "create-cache-subnet-group", "--cache-subnet-group-name", "bench-subnets",
        "--cache-subnet-group-description", "bench", "--subnet-ids", "subnet-private-1a", "subnet-private-1b", "--tags", TAG)
    each(parameter_group, range(parameter_groups))
    each(group, [(number, parameter_groups) for number in range(groups)])


def plan(each, groups, parameter_groups):
    aws("sts", "get-caller-identity")
    aws("elasticache", "describe-replication-groups")
    aws("elasticache", "describe-cache-clusters", "--show-cache-node-info")
    aws("elasticache", "describe-cache-parameter-groups")
    aws("elasticache", "describe-cache-subnet-groups")
    aws("cloudwatch", "describe-alarms")
    aws("resourcegroupstaggingapi", "get-resources", "--tag-filters", "Key=cachectl:stack,Values=bench")
    each(parameters, range(parameter_groups))


def drift(each, groups, parameter_groups):
    plan(each, groups, parameter_groups)
    aws("elasticache", "modify-replication-group", "--replication-group-id", "bench-0", "--apply-immediately",
        "--replication-group-description", "Repaired")
    aws("elasticache", "wait", "replication-group-available", "--replication-group-id", "bench-0")
    plan(each, groups, parameter_groups)


def main():
    groups, parameter_groups, task = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with multiprocessing.Pool(min(WORKERS, groups)) as pool:
        each = lambda work, tasks: pool.map(work, tasks, chunksize=1)
        {"create": create, "plan": plan, "drift": drift}[task](each, groups, parameter_groups)
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
