"""The rules as data: the programme file, its checks, its versions."""
