"""The project folder: dataset, stages, runs; and the finished project as people read it."""
