# featsplit on a CPU. It shows the effect on bundled images, and leaves the page in /out:
#   docker build -t featsplit . && mkdir -p out && docker run --rm -u "$(id -u):$(id -g)" -v "$PWD/out:/out" featsplit
# Any other command: docker run --rm -u "$(id -u):$(id -g)" -v "$PWD/out:/out" featsplit run gaussians --out /out/gaussians
# It runs as whoever owns out: docker makes a folder that is missing as root, and then nobody else can write there.
FROM python:3.11-slim

RUN useradd --create-home featsplit && install -d -o featsplit /out
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY featsplit featsplit
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu .

ENV HOME=/tmp USER=featsplit
USER featsplit
WORKDIR /out
ENTRYPOINT ["featsplit"]
CMD ["run", "digits", "--out", "/out/digits"]
