"""What asks the real AWS through boto3."""
