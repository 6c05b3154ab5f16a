"""The oracle player: knows a case's solution and plays a fallible developer behind the simulated Messages API.

Imports nothing from the product: what it can do it reads in each request.
"""
