"""A simulator of CloudWatch alarms and EC2 Auto Scaling: how good are the policies?"""
