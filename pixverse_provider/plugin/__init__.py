"""The pages in Airflow: the video of a task, the videos of a run, and those of the installation."""
