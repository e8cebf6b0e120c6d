# On the CPU. Untried: no Docker was at hand when this was written.
#   docker build -t recbole_ile .
#   docker run --rm -v "$PWD:/work" recbole_ile --model=BPR_ILE --dataset=ml-100k
FROM python:3.11-slim
COPY . /source
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir "/source[optuna]" \
    && rm -r /source
WORKDIR /work
ENTRYPOINT ["recbole-ile"]
