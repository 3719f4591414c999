"""Retraining every 15 minutes under Airflow 2 or 3: one task, one process, one step at a time.

Put it into the folder of DAGs, and set LABELMEND to the program and LABELMEND_PROJECT to the
project where the workers run. A step that finds another at work is skipped by itself, and one whose
rows are refused ends well: the reason is in the task's log, and in the registry's history.
"""

import os
from datetime import UTC, datetime, timedelta

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

PROGRAM = os.environ.get("LABELMEND", "labelmend")
PROJECT = os.environ.get("LABELMEND_PROJECT", "/srv/labelmend/project.yaml")

with DAG(
    dag_id="labelmend_retrain",
    schedule=timedelta(minutes=15),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # what was missed comes with the next step
    max_active_runs=1,
    tags=["labelmend"],
) as dag:
    BashOperator(
        task_id="step",
        # The names come by the environment, so that no shell reads them.
        bash_command='exec "$LABELMEND" retrain "$LABELMEND_PROJECT"',
        env={"LABELMEND": PROGRAM, "LABELMEND_PROJECT": PROJECT},
        append_env=True,
        execution_timeout=timedelta(minutes=14),
        retries=0,
    )
