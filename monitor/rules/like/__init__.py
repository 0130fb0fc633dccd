"""What rule would find more entries like this one?"""
