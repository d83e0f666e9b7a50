"""The flow of Tailrace and everything in it that has a clock, a socket or a file.

Start reading at `pipeline/flow.py`. Nothing is imported here, so that `import pipeline` costs nothing.
"""
