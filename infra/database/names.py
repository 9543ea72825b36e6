"""Names of a database in AWS."""


def identifier(platform: str, name: str) -> str:
    """The DB instance identifier: fixed, since its log groups carry it and must be there first."""
    return f"{platform}-{name}"


def log_group(full: str, log: str) -> str:
    """The log group that RDS exports a log to; it makes one without retention where there is none.

    Source: RDS user guide, "Publishing database logs to Amazon CloudWatch Logs".
    """
    return f"/aws/rds/instance/{full}/{log}"
