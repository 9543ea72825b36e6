"""FSx for Lustre, EFS and S3 buckets."""
