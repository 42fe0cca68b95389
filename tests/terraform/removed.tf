# Terraform forgets the resources below and destroys none of them (1.7 or later). Remove them from the configuration,
# then read `terraform plan`: it must say `0 to destroy`.

removed {
  from = module.platform
  lifecycle {
    destroy = false
  }
}

removed {
  from = module.users
  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_cloudwatch_composite_alarm.down
  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_cloudwatch_composite_alarm.pages
  lifecycle {
    destroy = false
  }
}

# A block would forget all 2 instances of aws_cloudwatch_metric_alarm.all, and only 1 of them was imported. One by one:
#   terraform state rm 'aws_cloudwatch_metric_alarm.all["cpu"]'

removed {
  from = aws_elasticache_cluster.replica
  lifecycle {
    destroy = false
  }
}

# A block would forget all 2 instances of aws_elasticache_replication_group.sessions, and only 1 of them was imported. One by one:
#   terraform state rm 'aws_elasticache_replication_group.sessions["a"]'

removed {
  from = module.elasticache.aws_elasticache_parameter_group.this
  lifecycle {
    destroy = false
  }
}

removed {
  from = module.elasticache.aws_elasticache_replication_group.this
  lifecycle {
    destroy = false
  }
}

removed {
  from = module.elasticache.aws_elasticache_subnet_group.this
  lifecycle {
    destroy = false
  }
}

# A block would forget all 2 instances of module.redis.aws_cloudwatch_metric_alarm.cache_memory, and only 1 of them was imported. One by one:
#   terraform state rm 'module.redis["carts"].aws_cloudwatch_metric_alarm.cache_memory[0]'

removed {
  from = module.redis.aws_elasticache_replication_group.default
  lifecycle {
    destroy = false
  }
}

removed {
  from = module.redis.aws_elasticache_subnet_group.default
  lifecycle {
    destroy = false
  }
}

# module.elasticache holds more. If its `module` block has to go (a module of others cannot be edited), Terraform
# destroys this with it, unless you keep it by these blocks:
# removed {
#   from = module.elasticache.aws_cloudwatch_log_group.this
#   lifecycle {
#     destroy = false
#   }
# }
# removed {
#   from = module.elasticache.aws_security_group.this
#   lifecycle {
#     destroy = false
#   }
# }
# removed {
#   from = module.elasticache.random_id.this
#   lifecycle {
#     destroy = false
#   }
# }

# module.redis holds more. If its `module` block has to go (a module of others cannot be edited), Terraform
# destroys this with it, unless you keep it by these blocks:
# removed {
#   from = module.redis.aws_cloudwatch_metric_alarm.cache_memory
#   lifecycle {
#     destroy = false
#   }
# }
# removed {
#   from = module.redis.module.dns.aws_route53_record.default
#   lifecycle {
#     destroy = false
#   }
# }
