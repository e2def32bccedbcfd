# featsplit on a CPU. It shows the effect on bundled images, and leaves the page in /out:
#   docker build -t featsplit . && docker run --rm -v "$PWD/out:/out" featsplit
# Any other command: docker run --rm -v "$PWD/out:/out" featsplit run gaussians --out /out/gaussians
FROM python:3.11-slim

RUN useradd --create-home featsplit && install -d -o featsplit /out
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY featsplit featsplit
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu .

USER featsplit
WORKDIR /out
ENTRYPOINT ["featsplit"]
CMD ["run", "digits", "--out", "/out/digits"]
