"""FSx for Lustre, EFS, S3 buckets and their keys."""
