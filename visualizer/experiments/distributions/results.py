from visualizer.base.pages import PageResult as DistributionsResult

__all__ = ["DistributionsResult"]
